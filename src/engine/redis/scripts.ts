import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  DEDUPE_IDS,
  DEDUPE_PERIOD_MS,
  FENCE_TTL_MS,
  KNOWN_MAX,
  REQUESTS_MAX,
  shareOf,
  UNCOUNTED,
  UNHEARD_MAX,
  UNHEARD_TTL_MS,
} from '../bounds.ts';
import type { EngineLimits } from '../engine.ts';

/** A Lua script as Redis knows it. */
export interface Script {
  /** The verb: its file is `lua/<name>.lua`. */
  readonly name: string;
  readonly sha: string;
  readonly source: Buffer;
}

const NAMES = [
  'deliver',
  'claim',
  'reclaim',
  'read',
  'confirm',
  'dead-letter',
  'release',
  'reserve',
  'create',
  'register',
  'settle-key',
  'settle-count',
  'settle-user',
  'drop-key',
  'reopen',
  'probe',
  'people/block',
  'people/unblock',
  'people/blocks',
  'people/policy',
  'people/acquaint',
  'invitations/create',
  'invitations/take',
  'invitations/settle',
  'invitations/list',
  'invitations/revoke',
  'accounts/intend',
  'accounts/leave',
  'accounts/forget',
  'accounts/rotate',
  'operators/ban',
  'operators/purge',
  'announcements/note',
  'announcements/take',
  'announcements/look',
  'announcements/settle',
  'heartbeat',
] as const;

export type ScriptName = (typeof NAMES)[number];
export type Scripts = Readonly<Record<ScriptName, Script>>;

/**
 * Reads all scripts from the folder beside this file, for the limits of one engine.
 * @param options `announceAfterMs` 0: users who are away are not noted
 */
export function loadScripts(limits: EngineLimits, { announceAfterMs = 0 } = {}): Scripts {
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
    unheard_max: UNHEARD_MAX,
    unheard_ttl_ms: UNHEARD_TTL_MS,
    announce_after_ms: announceAfterMs,
    announce_ttl_ms: mailboxTtlMs,
  };
  return Object.fromEntries(NAMES.map((name) => [name, loadScript(name, constants)])) as unknown as Scripts;
}

function loadScript(name: ScriptName, constants: Readonly<Record<string, number>>): Script {
  const text = readLua(name)
    .replaceAll(/^-- include ([\w/-]+)\.lua$/gm, (_, file: string) => readLua(file))
    // Constants are part of the script: as arguments they would cost both sides on every call.
    .replaceAll(/^-- CONST (\w+).*$/gm, (line, constant: string) => {
      const value = constants[constant];
      if (value === undefined) throw new Error(`lua/${name}.lua needs an unknown constant: ${constant}`);
      return `${line}\nlocal ${constant} = ${value}`;
    });
  // Calls declare exactly one key: see lua/keys.lua.
  if (!text.startsWith('#!lua') || text.match(/^-- KEYS\[\d+\]/gm)?.length !== 1)
    throw new Error(`lua/${name}.lua lacks its #!lua line or its one key`);
  const source = Buffer.from(text, 'utf8');
  return { name, sha: createHash('sha1').update(source).digest('hex'), source };
}

function readLua(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
}
