import { randomInt } from 'node:crypto';
import { HOLD_MS, TAG_VALUES } from '../../bounds.ts';
import {
  type ClaimRequest,
  type ClaimResult,
  type DeadLetterReason,
  type DeliverOutcome,
  type DeliverRequest,
  EngineUnavailable,
  type MailboxId,
  type ReadRequest,
  type ReadResult,
  type SessionKey,
  type SessionState,
  type StoredEnvelope,
  type Unconfirmed,
} from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Shard } from '../cluster/shard.ts';
import { type Argument, listOf, type Reply, textOf } from '../connection/reply.ts';
import { keysBesideRecipient, keysBesideUser, userKey } from '../schema.ts';
import type { Script, Scripts } from '../scripts.ts';
import {
  OUTCOMES,
  policyOf,
  readUnconfirmed,
  SESSION_FORGOTTEN,
  STATES,
  stateOf,
  wordOf,
  writeUnconfirmed,
} from './answers.ts';
import { prekeyState } from './prekey-state.ts';

export interface StoreOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  /** The one that the scripts were loaded for. */
  readonly mailboxTtlMs: number;
  readonly nodeId: string;
  readonly durable: boolean;
  readonly observer: EngineObserver;
  /** Where users who are away are noted; null: nowhere. */
  readonly away: Away | null;
  /** See `Timings`. */
  readonly callTimeoutMs: number;
}

interface Away {
  /** The zsets in which scripts note users. */
  readonly keys: { of(code: string): string };
  /** The keys that a script that notes this user may write beside those of the user. */
  keysBeside(code: string): readonly string[];
  /** A script has answered so about noting: see lua/announcements/announce.lua. */
  noted(code: string, answer: string): void;
}

/** The reply of a script, or why the session may not run it. */
export type Ran = { readonly reply: Reply } | { readonly lost: Exclude<SessionState, 'held'> };

/** A claim, and what is still to be done for an account that was claimed for the first time. */
export interface StoreClaim {
  readonly result: ClaimResult;
  /** The Ed25519 key of an account whose key record and count are not settled yet; otherwise null. */
  readonly unsettledKey: string | null;
}

/** If Redis' clock is set back, a claim that was stuck meanwhile must not slip through. */
const CLAIM_EARLIEST_MS = 5_000;

const FORGOTTEN = '+';

/** The verbs of mailboxes and sessions, one script each. All reject with EngineUnavailable. */
export class Store {
  readonly #options: StoreOptions;
  readonly #ttlUs: string;
  constructor(options: StoreOptions) {
    this.#options = options;
    this.#ttlUs = `${options.mailboxTtlMs * 1000}`;
  }

  async deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    const { sender, recipient, epoch, number, heldAtMs, envelopes } = request;
    const { calls, scripts, durable, observer, away } = this.#options;
    const tag = `${randomInt(TAG_VALUES)}`;
    const items: Argument[] = [];
    let kinds = '';
    for (const { frame, dedupe, request: asks } of envelopes) {
      kinds += asks ? 'k' : '-';
      items.push(frame, dedupe?.id ?? '', dedupe?.digest ?? '');
    }
    const codes = String(
      await calls.run({
        script: scripts.deliver,
        key: userKey(recipient),
        beside: () => [...keysBesideRecipient(recipient, sender), ...this.#awayKeys(recipient)],
        args: (shard) => [
          sender,
          `${epoch}`,
          `${number}`,
          shard.clock.usAt(heldAtMs, HOLD_MS),
          tag,
          kinds,
          away?.keys.of(recipient) ?? '',
          ...items,
        ],
        durable,
      }),
    );
    if (codes === 'late') {
      // Never again by itself: only `reclaim` says whether a newer session has been here meanwhile.
      await calls.askTime(userKey(recipient));
      return envelopes.map(() => 'late');
    }
    if (codes.length > envelopes.length) {
      const notes = codes.slice(envelopes.length);
      if (notes.startsWith(FORGOTTEN)) observer.idsForgotten();
      away?.noted(recipient, notes);
    }
    return envelopes.map((_, index) => {
      const outcome = OUTCOMES[codes.charAt(index)];
      if (outcome === undefined) throw new EngineUnavailable(`deliver answered ${codes}`);
      return outcome;
    });
  }

  async claim({ code, token, protocol }: ClaimRequest): Promise<StoreClaim> {
    const { callTimeoutMs, nodeId } = this.#options;
    const startedMs = performance.now();
    const run = () =>
      this.#run('claim', code, (shard) => {
        const earliest = shard.clock.us(-CLAIM_EARLIEST_MS);
        const latest = shard.clock.us(callTimeoutMs - (performance.now() - startedMs));
        return [token, nodeId, `${protocol}`, earliest, latest, this.#ttlUs];
      });
    let reply = listOf(await run());
    if (textOf(reply[0]) === 'late') reply = listOf(await this.#withFreshTime(code, run));
    const [answer, , epoch, waiting, last, expired, settled, eddsa, guard, unconfirmed, prekeys, history] =
      reply;
    switch (textOf(answer)) {
      case 'unknown':
        return { result: { outcome: 'unknown_user' }, unsettledKey: null };
      case 'banned': {
        const untilUs = Number(textOf(epoch));
        const untilMs = untilUs === 0 ? null : Math.ceil(untilUs / 1000);
        return { result: { outcome: 'banned', untilMs }, unsettledKey: null };
      }
      case 'protocol':
        return { result: { outcome: 'protocol_required' }, unsettledKey: null };
      case 'claimed': {
        const session: SessionKey = { code, token, epoch: Number(epoch), protocol };
        const numbers = { waiting: Number(waiting), expired: Number(expired) };
        const policy = policyOf(textOf(guard) ?? '');
        return {
          result: {
            outcome: 'claimed',
            session,
            last: textOf(last) ?? '',
            ...numbers,
            policy,
            prekeys: prekeyState(textOf(prekeys), textOf(history) ?? ''),
            unconfirmed: readUnconfirmed(textOf(unconfirmed ?? null) ?? ''),
          },
          unsettledKey: textOf(settled) === '1' ? null : textOf(eddsa),
        };
      }
      default:
        throw new EngineUnavailable(`claim answered ${textOf(answer)}`);
    }
  }

  async reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState> {
    const { token, epoch, protocol, code } = session;
    const args = [token, `${epoch}`, this.#options.nodeId, `${protocol}`, cursor ?? ''];
    return stateOf(await this.#run('reclaim', code, () => args));
  }

  async read({ session, after, maxEnvelopes, maxBytes }: ReadRequest): Promise<ReadResult> {
    const { token, epoch, code } = session;
    const args = [token, after ?? '', `${maxEnvelopes}`, `${maxBytes}`, this.#ttlUs, `${epoch}`];
    const run = async () => listOf(await this.#run('read', code, () => args));
    let reply = await run();
    if (textOf(reply[0]) === SESSION_FORGOTTEN) {
      const reclaimed = await this.reclaim(session, after);
      if (reclaimed !== 'held') return { state: reclaimed };
      reply = await run();
    }
    const [answer, last, ...entries] = reply;
    const held = stateOf(answer ?? null);
    if (held !== 'held') return { state: held };
    const envelopes: StoredEnvelope[] = [];
    for (let index = 0; index < entries.length; index += 2) {
      const frame = entries[index + 1];
      envelopes.push({ id: textOf(entries[index]) ?? '', frame: Buffer.isBuffer(frame) ? frame : null });
    }
    return { state: held, envelopes, last: textOf(last) ?? '' };
  }

  async deadLetter(session: SessionKey, id: MailboxId, why: DeadLetterReason): Promise<SessionState> {
    const { token, epoch, code } = session;
    const run = () => this.#run('dead-letter', code, () => [token, `${epoch}`, id, why]);
    const reply = await run();
    if (textOf(reply) !== SESSION_FORGOTTEN) return stateOf(reply);
    const reclaimed = await this.reclaim(session, null);
    return reclaimed === 'held' ? stateOf(await run()) : reclaimed;
  }

  async confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState> {
    const { token, epoch, code } = session;
    const run = () => this.#run('confirm', code, () => [token, upTo, `${epoch}`]);
    const reply = await run();
    if (textOf(reply) !== SESSION_FORGOTTEN) return stateOf(reply);
    const reclaimed = await this.reclaim(session, upTo);
    return reclaimed === 'held' ? stateOf(await run()) : reclaimed;
  }

  async release(
    { code, token }: Pick<SessionKey, 'code' | 'token'>,
    unconfirmed?: Unconfirmed | null,
  ): Promise<void> {
    const { away } = this.#options;
    const noted = writeUnconfirmed(unconfirmed);
    const answer = await this.#run('release', code, () => [token, away?.keys.of(code) ?? '', noted]);
    away?.noted(code, String(answer));
  }

  /**
   * Runs what only the holder of a session may do: a script with the key `user:{CODE}` and with token and epoch as first
   * arguments. Tries again after a failover that made the store forget the session.
   */
  async runHeld(
    script: Script,
    session: SessionKey,
    args: (shard: Shard) => readonly Argument[],
  ): Promise<Ran> {
    const { calls, durable } = this.#options;
    const { code, token, epoch } = session;
    const run = () =>
      calls.run({
        script,
        key: userKey(code),
        beside: () => keysBesideUser(code),
        args: (shard) => [token, `${epoch}`, ...args(shard)],
        durable,
      });
    let reply = await run();
    if (wordOf(reply) === SESSION_FORGOTTEN) {
      const reclaimed = await this.reclaim(session, null);
      if (reclaimed !== 'held') return { lost: reclaimed };
      reply = await run();
    }
    const lost = STATES[wordOf(reply)];
    return lost === undefined || lost === 'held' ? { reply } : { lost };
  }

  #run(
    verb: 'claim' | 'reclaim' | 'read' | 'confirm' | 'dead-letter' | 'release',
    code: string,
    args: (shard: Shard) => readonly Argument[],
  ): Promise<Reply> {
    const { calls, scripts } = this.#options;
    const beside = () => [...keysBesideUser(code), ...this.#awayKeys(code)];
    return calls.run({ script: scripts[verb], key: userKey(code), beside, args });
  }

  #awayKeys(code: string): readonly string[] {
    const { away } = this.#options;
    return away?.keysBeside(code) ?? [];
  }

  /** Retries once, after asking for the time: a call that is late even then really was under way for so long. */
  async #withFreshTime(code: string, run: () => Promise<Reply>): Promise<Reply> {
    await this.#options.calls.askTime(userKey(code));
    return run();
  }
}
