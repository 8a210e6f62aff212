import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  DEDUPE_IDS,
  DEDUPE_PERIOD_MS,
  FENCE_TTL_MS,
  KNOWN_MAX,
  PREKEY_CLAIM_MS,
  PREKEY_CLAIMS_MAX,
  REPORT_EVERY_MS,
  REPORT_TTL_MS,
  REPORTS_MAX,
  REQUESTS_MAX,
  SUBSCRIPTION_TTL_MS,
  SUBSCRIPTIONS_MAX,
  shareOf,
  UNCOUNTED,
  UNHEARD_MAX,
  UNHEARD_TTL_MS,
} from '../bounds.ts';
import type { EngineLimits } from '../engine.ts';

/** A Lua script as Redis knows it. */
export interface Script {
  /** The verb. */
  readonly name: string;
  readonly sha: string;
  readonly source: Buffer;
}

/** Each verb, as logs and metrics name it, and its file below `lua/`. */
const FILES = {
  deliver: 'mailbox/deliver',
  claim: 'sessions/claim',
  reclaim: 'sessions/reclaim',
  read: 'mailbox/read',
  confirm: 'mailbox/confirm',
  'dead-letter': 'mailbox/dead-letter',
  release: 'sessions/release',
  reserve: 'registration/reserve',
  create: 'registration/create',
  register: 'registration/register',
  'settle-key': 'registration/settle-key',
  'settle-count': 'registration/settle-count',
  'settle-user': 'registration/settle-user',
  'drop-key': 'registration/drop-key',
  reopen: 'registration/reopen',
  probe: 'probe',
  'people/block': 'people/block',
  'people/unblock': 'people/unblock',
  'people/blocks': 'people/blocks',
  'people/policy': 'people/policy',
  'people/acquaint': 'people/acquaint',
  'prekeys/publish': 'prekeys/publish',
  'prekeys/claim': 'prekeys/claim',
  'invitations/create': 'invitations/create',
  'invitations/take': 'invitations/take',
  'invitations/settle': 'invitations/settle',
  'invitations/list': 'invitations/list',
  'invitations/revoke': 'invitations/revoke',
  'accounts/intend': 'accounts/intend',
  'accounts/leave': 'accounts/leave',
  'accounts/forget': 'accounts/forget',
  'accounts/rotate': 'accounts/rotate',
  'operators/ban': 'operators/ban',
  'operators/purge': 'operators/purge',
  'operators/report': 'operators/report',
  'push/subscribe': 'push/subscribe',
  'push/unsubscribe': 'push/unsubscribe',
  'announcements/note': 'announcements/note',
  'announcements/take': 'announcements/take',
  'announcements/look': 'announcements/look',
  'announcements/settle': 'announcements/settle',
  heartbeat: 'heartbeat',
} as const;

export type ScriptName = keyof typeof FILES;
export type Scripts = Readonly<Record<ScriptName, Script>>;

/**
 * Reads all scripts from the folder beside this file, for the limits of one engine.
 * @param options `announceAfterMs` 0: users who are away are not noted; otherwise they are, by the ways that are true
 */
export function loadScripts(
  limits: EngineLimits,
  { announceAfterMs = 0, hooks = false, pushes = false } = {},
): Scripts {
  const { mailboxEnvelopes, mailboxBytes, mailboxTtlMs } = limits;
  const share = shareOf(limits);
  const shared = limits.mailboxSharePercent < 100;
  const counted = shared
    ? {
        envelopes: Math.min(share.envelopes, UNCOUNTED.envelopes),
        bytes: Math.min(share.bytes, UNCOUNTED.bytes),
      }
    : { envelopes: mailboxEnvelopes, bytes: mailboxBytes };
  const constants: Readonly<Record<string, number>> = {
    max_envelopes: mailboxEnvelopes,
    max_bytes: mailboxBytes,
    share_envelopes: share.envelopes,
    share_bytes: share.bytes,
    counted_envelopes: counted.envelopes,
    counted_bytes: counted.bytes,
    kept_envelopes: shared ? Math.floor(counted.envelopes / 2) : mailboxEnvelopes,
    kept_bytes: shared ? Math.floor(counted.bytes / 2) : mailboxBytes,
    ttl_us: mailboxTtlMs * 1000,
    fence_ttl_ms: FENCE_TTL_MS,
    period_ms: DEDUPE_PERIOD_MS,
    max_ids: DEDUPE_IDS,
    max_blocks: limits.maxBlocks,
    known_max: KNOWN_MAX,
    requests_max: REQUESTS_MAX,
    prekey_claim_ms: PREKEY_CLAIM_MS,
    prekey_claims_max: PREKEY_CLAIMS_MAX,
    reports_max: REPORTS_MAX,
    report_ttl_ms: REPORT_TTL_MS,
    report_every_ms: REPORT_EVERY_MS,
    unheard_max: UNHEARD_MAX,
    unheard_ttl_ms: UNHEARD_TTL_MS,
    announce_after_ms: announceAfterMs,
    announce_hooks: Number(hooks),
    announce_pushes: Number(pushes),
    announce_ttl_ms: mailboxTtlMs,
    push_max: SUBSCRIPTIONS_MAX,
    push_ttl_ms: SUBSCRIPTION_TTL_MS,
  };
  const names = Object.keys(FILES) as ScriptName[];
  return Object.fromEntries(names.map((name) => [name, loadScript(name, constants)])) as unknown as Scripts;
}

function loadScript(name: ScriptName, constants: Readonly<Record<string, number>>): Script {
  const file = FILES[name];
  const text = readLua(file)
    // Constants are part of the script: as arguments they would cost both sides on every call.
    .replaceAll(/^-- CONST (\w+).*$/gm, (line, constant: string) => {
      const value = constants[constant];
      if (value === undefined) throw new Error(`lua/${file}.lua needs an unknown constant: ${constant}`);
      return `${line}\nlocal ${constant} = ${value}`;
    });
  // Calls declare exactly one key: see lua/keys.lua.
  if (!text.startsWith('#!lua') || text.match(/^-- KEYS\[\d+\]/gm)?.length !== 1)
    throw new Error(`lua/${file}.lua lacks its #!lua line or its one key`);
  const source = Buffer.from(text, 'utf8');
  return { name, sha: createHash('sha1').update(source).digest('hex'), source };
}

/** With what it includes: anywhere, so that a branch can have what it alone needs. */
function readLua(name: string): string {
  const text = readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
  return text.replaceAll(/^ *-- include ([\w/-]+)\.lua$/gm, (_, file: string) => readLua(file));
}
