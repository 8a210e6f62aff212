import { EngineUnavailable, type LeaveResult, type SessionKey } from '../../engine.ts';
import type { Calls } from '../cluster/calls.ts';
import type { Shard } from '../cluster/shard.ts';
import { listOf, type Reply, textOf } from '../connection/reply.ts';
import type { Store } from '../mailbox/store.ts';
import { keyRecord, keysBesideNextId, keysBesideUser, NEXT_ID, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';

export interface LeavingOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly store: Store;
  readonly durable: boolean;
}

/** A deletion that was noted is carried out by then, or not at all. */
const CARRY_OUT_MS = 30_000;
/**
 * Deletes accounts, which touches three slots of a Cluster: the deletion is noted beside the counters, then one script
 * deletes all that lies on the user's slot and leaves a mark with the key, then the key record and the count follow, and
 * the mark loses the key. A node that dies in between leaves the note: `finish` does the rest, or strikes it out if
 * nothing was deleted.
 */
export class Leaving {
  readonly #options: LeavingOptions;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  /** The holder of a session leaves. Resolves once the account is gone; what lies on other slots follows by itself. */
  async leave(session: SessionKey): Promise<LeaveResult> {
    const { scripts, store } = this.#options;
    const { code } = session;
    const latest = await this.#intend(code);
    const script = scripts['accounts/leave'];
    const ran = await store.runHeld(script, session, (shard) => ['holder', latest(shard)]);
    const outcome = 'lost' in ran ? ran.lost : this.#outcome(code, ran.reply);
    if (outcome === 'left') return 'left';
    if (outcome === 'other') throw new EngineUnavailable('too late to delete this account: try again');
    return outcome;
  }

  /** @param found what a sweep found; null: an operator deletes, whichever session holds. False: nothing was deleted. */
  async remove(
    code: string,
    found: { readonly token: string; readonly epoch: number } | null,
  ): Promise<boolean> {
    const { calls, scripts, durable } = this.#options;
    const latest = await this.#intend(code);
    const { token, epoch } = found ?? { token: '', epoch: 0 };
    const who = found === null ? 'operator' : 'sweeper';
    const reply = await calls.run({
      script: scripts['accounts/leave'],
      key: userKey(code),
      beside: () => keysBesideUser(code),
      args: (shard) => [token, `${epoch}`, who, latest(shard)],
      durable,
    });
    return this.#outcome(code, reply) === 'left';
  }

  /** For the sweeper: does the rest of a deletion that was cut off, or strikes it out if nothing was deleted. */
  async finish(code: string): Promise<void> {
    const name = userKey(code);
    const [gone, key] = listOf(
      await this.#options.calls.command('find', name, ['HMGET', name, 'gone', 'key']),
    ).map(textOf);
    await this.#settle(code, gone === null ? null : (key ?? ''));
  }

  async #intend(code: string): Promise<(shard: Shard) => string> {
    const { calls, scripts } = this.#options;
    const startedMs = performance.now();
    await calls.run({
      script: scripts['accounts/intend'],
      key: NEXT_ID,
      beside: keysBesideNextId,
      args: () => [code],
    });
    return (shard) => shard.clock.usAt(startedMs, CARRY_OUT_MS);
  }

  #outcome(code: string, reply: Reply): 'left' | 'other' {
    const [answer, key] = listOf(reply).map(textOf);
    const left = answer === 'left';
    // Not waited for: if it fails, a sweep does it.
    this.#settle(code, left ? (key ?? '') : null).catch(() => {});
    return left ? 'left' : 'other';
  }

  /** @param key of an account that is gone, '' if it was forgotten already; null: nothing was deleted */
  async #settle(code: string, key: string | null): Promise<void> {
    const { calls, scripts } = this.#options;
    if (key !== null && key !== '') {
      await calls.run({ script: scripts['drop-key'], key: keyRecord(key), args: () => [code] });
      await calls.command('forget-key', userKey(code), ['HDEL', userKey(code), 'key']);
    }
    await calls.run({
      script: scripts['accounts/forget'],
      key: NEXT_ID,
      beside: keysBesideNextId,
      args: () => [code, key === null ? '0' : '1'],
    });
  }
}
