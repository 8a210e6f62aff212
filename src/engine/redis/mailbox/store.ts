/**
 * What stands in Redis. Everything of one user shares the hash tag {CODE}, and so a slot; one script is one step.
 *
 *   user:{CODE}             hash    the account, its session and what outlives its mailbox     create, register, claim …
 *     last confirmed count total base oldest expired               the mailbox: see lua/mailbox.lua
 *     epoch token node                                             the session; token '' when nobody is connected
 *     claimed min_protocol settled pending id name ecdh eddsa created   the account (eddsa: "this user exists")
 *     proof_r proof_s                                              the proof, in two halves; absent if none was given
 *     TTL: none once claimed; 30 days while unclaimed; 60 s while a registration is not complete (pending 1)
 *   inbox:{CODE}            stream  entries `<us>-<tag>`: f frame, t byte total, s sender      deliver; claim, read,
 *     TTL: 1 to 1.25 of RELAY_MAILBOX_TTL from the newest entry; gone when empty              confirm take away
 *   shares:{CODE}           hash    what waits, by sender, while that matters: lua/mailbox.lua   deliver; claim, read,
 *     TTL: as the stream; gone when little waits                                              confirm take away
 *   inbox:{CODE}            sharded channel  `w<id> <prev>\n<frame>`, `c<token>`               deliver, claim, reclaim
 *   from:{CODE}:<sender>    string  epoch:number:codes, the order fence; TTL 2 min             deliver
 *   seen:{CODE}:0 and :1    hash    <sender>:<id> -> digest, by the parity of the 10-minute    deliver
 *                                   period; at most 10,000 each; TTL to the end of the next period
 *   poison:{CODE}           stream  id, why, f (or entry): what could not be pushed, the last   set-aside
 *     TTL: RELAY_MAILBOX_TTL from the newest            16, for an operator to look at
 *   key:<eddsa>             string  code; whoever reads it compares the user's key             register
 *     TTL: 30 days and a minute; none once the account is claimed
 *   user:next-id            string  the last number given                                      reserve
 *   {user:next-id}:unclaimed  zset  code -> ms of its expiry: places taken for a while         reserve, settle-count
 *   {user:next-id}:claimed  string  how many accounts never expire                             settle-count
 *   probe:{n}:<node>        sharded channel  nonces of a node's probe                          probe
 *   node:<node>             string  presence of a node; TTL 30 s                               presence.ts
 *
 * Commands outside of scripts: HELLO, INFO, TIME, PING, EVALSHA, EVAL, SCRIPT LOAD, SSUBSCRIBE, SUNSUBSCRIBE, GET, SET,
 * HMGET, PEXPIRE, DEL; DBSIZE, RANDOMKEY, XLEN (census.ts); WAIT with RELAY_REDIS_WAIT_REPLICAS; CLUSTER SLOTS,
 * CLUSTER INFO and ASKING in a Cluster; SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL MASTER at sentinels.
 */
import { randomInt } from 'node:crypto';
import { FENCE_TTL_MS, TAG_VALUES } from '../../bounds.ts';
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
} from '../../engine.ts';
import type { EngineObserver } from '../../observer.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Shard } from '../cluster/shard.ts';
import type { Argument, Reply } from '../connection/reply.ts';
import type { Scripts } from '../scripts.ts';

export interface StoreOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  /** As in the limits that the scripts were loaded for. */
  readonly mailboxTtlMs: number;
  readonly nodeId: string;
  readonly durable: boolean;
  readonly observer: EngineObserver;
  /** See `Timings`. */
  readonly callTimeoutMs: number;
}

/** A claim and what must still be done for an account that was claimed for the first time. */
export interface StoreClaim {
  readonly result: ClaimResult;
  /** The Ed25519 key of an account whose key record and count are not settled yet. */
  readonly unsettledKey: string | null;
}

/**
 * How late a batch may reach Redis: well within the fence's time, so that one that was stuck (in this node, in a
 * socket, in a Redis that was stopped) can never come after the fence that would have refused it.
 */
const DELIVER_LATEST_MS = FENCE_TTL_MS / 2;
/** A clock that shows less than it did was set back; a claim that was stuck meanwhile must not slip through. */
const CLAIM_EARLIEST_MS = 5_000;

const OUTCOMES: Readonly<Record<string, DeliverOutcome>> = {
  s: 'stored',
  r: 'repeated',
  u: 'recipient_unknown',
  c: 'id_conflict',
  f: 'mailbox_full',
  h: 'share_full',
  x: 'stale',
};
const FORGOTTEN = '+';

/**
 * The store has gone back to before the session's claim. Nobody has displaced it: were that said before everybody has
 * had time to reclaim, a failover would send clients away for good.
 */
const SESSION_FORGOTTEN = 'forgotten';

const STATES: Readonly<Record<string, SessionState>> = {
  held: 'held',
  displaced: 'displaced',
  gone: 'gone',
  unknown: 'unknown_user',
};

export const userKey = (code: string): string => `user:{${code}}`;
export const inboxKey = (code: string): string => `inbox:{${code}}`;
const poisonKey = (code: string): string => `poison:{${code}}`;
export const sharesKey = (code: string): string => `shares:{${code}}`;
export const seenKeys = (code: string): [string, string] => [`seen:{${code}}:0`, `seen:{${code}}:1`];

/** The verbs of mailboxes and sessions, each one script. Everything rejects with EngineUnavailable. */
export class Store {
  readonly #options: StoreOptions;
  readonly #ttlUs: string;
  constructor(options: StoreOptions) {
    this.#options = options;
    this.#ttlUs = `${options.mailboxTtlMs * 1000}`;
  }

  async deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    const { sender, recipient, epoch, number, envelopes } = request;
    const { calls, scripts, durable, observer } = this.#options;
    const tag = `${randomInt(TAG_VALUES)}`;
    const items: Argument[] = [];
    for (const { frame, dedupe } of envelopes) {
      // As text, which ioredis writes in 8 µs where bytes take it 12. Frames are UTF-8, so both are the same.
      items.push(frame.toString('utf8'), dedupe?.id ?? '', dedupe?.digest ?? '');
    }
    const startedMs = performance.now();
    const run = () =>
      calls.run({
        script: scripts.deliver,
        keys: [
          userKey(recipient),
          inboxKey(recipient),
          `from:{${recipient}}:${sender}`,
          ...seenKeys(recipient),
          sharesKey(recipient),
        ],
        args: (shard) => {
          const latest = shard.clock.us(DELIVER_LATEST_MS - (performance.now() - startedMs));
          return [sender, `${epoch}`, `${number}`, latest, tag, ...items];
        },
        durable,
      });
    let codes = String(await run());
    // Redis' clock was set forward since we last heard of it: the probe or this very answer corrects the estimate.
    if (codes === 'late') codes = String(await this.#again(recipient, run));
    if (codes.endsWith(FORGOTTEN)) observer.idsForgotten();
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
    let reply = list(await run());
    if (text(reply[0]) === 'late') reply = list(await this.#again(code, run));
    const [answer, , epoch, waiting, last, expired, settled, eddsa] = reply;
    switch (text(answer)) {
      case 'unknown':
        return { result: { outcome: 'unknown_user' }, unsettledKey: null };
      case 'protocol':
        return { result: { outcome: 'protocol_required' }, unsettledKey: null };
      case 'claimed': {
        const session: SessionKey = { code, token, epoch: Number(epoch), protocol };
        const numbers = { waiting: Number(waiting), expired: Number(expired) };
        return {
          result: { outcome: 'claimed', session, last: text(last), ...numbers },
          unsettledKey: text(settled) === '1' ? null : text(eddsa),
        };
      }
      default:
        throw new EngineUnavailable(`claim answered ${text(answer)}`);
    }
  }

  async reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState> {
    const { token, epoch, protocol, code } = session;
    const args = [token, `${epoch}`, this.#options.nodeId, `${protocol}`, cursor ?? ''];
    return state(await this.#run('reclaim', code, () => args));
  }

  async read({ session, after, maxEnvelopes, maxBytes }: ReadRequest): Promise<ReadResult> {
    const { token, epoch, code } = session;
    const args = [token, after ?? '', `${maxEnvelopes}`, `${maxBytes}`, this.#ttlUs, `${epoch}`];
    const run = async () => list(await this.#run('read', code, () => args));
    let reply = await run();
    if (text(reply[0]) === SESSION_FORGOTTEN) {
      const reclaimed = await this.reclaim(session, after);
      if (reclaimed !== 'held') return { state: reclaimed };
      reply = await run();
    }
    const [answer, last, ...entries] = reply;
    const held = state(answer ?? null);
    if (held !== 'held') return { state: held };
    const envelopes: StoredEnvelope[] = [];
    for (let index = 0; index < entries.length; index += 2) {
      const frame = entries[index + 1];
      envelopes.push({ id: text(entries[index]), frame: Buffer.isBuffer(frame) ? frame : null });
    }
    return { state: held, envelopes, last: text(last) };
  }

  async setAside(session: SessionKey, id: MailboxId, why: DeadLetterReason): Promise<SessionState> {
    const { calls, scripts } = this.#options;
    const { token, epoch, code } = session;
    const reply = await calls.run({
      script: scripts['set-aside'],
      keys: [userKey(code), inboxKey(code), poisonKey(code), sharesKey(code)],
      args: () => [token, `${epoch}`, id, why],
    });
    // After a failover the entry is read again once the session has been written again.
    if (text(reply) === SESSION_FORGOTTEN) throw new EngineUnavailable('the store has forgotten the session');
    return state(reply);
  }

  async confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState> {
    const { token, epoch, code } = session;
    const run = () => this.#run('confirm', code, () => [token, upTo, `${epoch}`]);
    const reply = await run();
    if (text(reply) !== SESSION_FORGOTTEN) return state(reply);
    const reclaimed = await this.reclaim(session, upTo);
    return reclaimed === 'held' ? state(await run()) : reclaimed;
  }

  async release({ code, token }: SessionKey): Promise<void> {
    const { calls, scripts } = this.#options;
    await calls.run({ script: scripts.release, keys: [userKey(code)], args: () => [token] });
  }

  #run(
    verb: 'claim' | 'reclaim' | 'read' | 'confirm',
    code: string,
    args: (shard: Shard) => readonly Argument[],
  ): Promise<Reply> {
    const { calls, scripts } = this.#options;
    // Nothing leaves the mailbox by reclaiming.
    const shares = verb === 'reclaim' ? [] : [sharesKey(code)];
    return calls.run({ script: scripts[verb], keys: [userKey(code), inboxKey(code), ...shares], args });
  }

  /** Once more, by a clock that was just asked; what is late then has really been on its way for so long. */
  async #again(code: string, run: () => Promise<Reply>): Promise<Reply> {
    await this.#options.calls.askTime(userKey(code));
    return run();
  }
}

function list(reply: Reply): readonly Reply[] {
  if (!Array.isArray(reply)) throw new EngineUnavailable('a script answered what it never does');
  return reply;
}

function text(reply: Reply | undefined): string {
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply);
}

function state(reply: Reply): SessionState {
  const known = STATES[text(reply)];
  if (known === undefined) throw new EngineUnavailable(`a script answered ${text(reply)}`);
  return known;
}
