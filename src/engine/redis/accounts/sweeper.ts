import type { EngineObserver } from '../../observer.ts';
import type { Calls } from '../cluster/calls.ts';
import { scanPage } from '../cluster/pages.ts';
import type { Router } from '../cluster/router.ts';
import type { Shard } from '../cluster/shard.ts';
import { listOf, textOf } from '../connection/reply.ts';
import type { Store } from '../mailbox/store.ts';
import type { Presence } from '../presence.ts';
import { codeOfUser, LEAVING, NEXT_ID, SWEEPER, userKey } from '../schema.ts';
import type { Timings } from '../timings.ts';
import type { Leaving } from './leaving.ts';

export interface SweeperOptions {
  readonly calls: Calls;
  readonly router: Router;
  readonly leaving: Leaving;
  readonly store: Pick<Store, 'release'>;
  readonly presence: Presence;
  readonly nodeId: string;
  readonly timings: Timings;
  readonly observer: EngineObserver;
  /** Accounts that have not been connected for so long are deleted; 0: never. Asked each time. */
  readonly accountIdleTtlMs: () => number;
}

/** A deletion that was noted so long ago was cut off. */
const CUT_OFF_MS = 60_000;
/** Of those, at once. */
const FINISH_MAX = 16;
/** A node that sweeps and dies is followed by another after this. */
const HOLD_MS = 30_000;

/**
 * One node at a time finishes deletions that were cut off, and deletes accounts that have been idle for too long, a page
 * of keys at each step. Times are those of Redis: a node whose clock is wrong deletes no account.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Where the walk through all users is. */
  #after: string | null = null;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { sweepEveryMs } = this.#options.timings;
    this.#timer = setTimeout(() => {
      // Redis is away, or full, which others report.
      void this.#sweep()
        .catch(() => {})
        .finally(() => {
          if (this.#timer !== undefined) this.start();
        });
    }, sweepEveryMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #sweep(): Promise<void> {
    if (!(await this.#isMine())) return;
    await this.#finish();
    const ttlMs = this.#options.accountIdleTtlMs();
    if (ttlMs > 0) await this.#dropIdle(ttlMs);
  }

  async #isMine(): Promise<boolean> {
    const { calls, nodeId } = this.#options;
    const take = ['SET', SWEEPER, nodeId, 'NX', 'GET', 'PX', `${HOLD_MS}`];
    const holder = textOf(await calls.command('sweep', SWEEPER, take));
    if (holder === nodeId) await calls.command('sweep', SWEEPER, ['PEXPIRE', SWEEPER, `${HOLD_MS}`]);
    return holder === null || holder === nodeId;
  }

  async #finish(): Promise<void> {
    const { calls, leaving } = this.#options;
    const [seconds] = listOf(await calls.command('time', NEXT_ID, ['TIME']));
    const before = Number(textOf(seconds ?? null)) * 1000 - CUT_OFF_MS;
    const old = ['ZRANGE', LEAVING, '-inf', `${before}`, 'BYSCORE', 'LIMIT', '0', `${FINISH_MAX}`];
    for (const code of listOf(await calls.command('sweep', LEAVING, old))) {
      await leaving.finish(textOf(code) ?? '');
    }
  }

  async #dropIdle(ttlMs: number): Promise<void> {
    const { router, presence, observer } = this.#options;
    const { items, next, shard } = await scanPage(router, userKey('*'), this.#after);
    this.#after = next;
    if (items.length === 0 || shard === null) return;
    const live = new Set((await presence.nodes()).map(({ id }) => encodeURIComponent(id)));
    let count = 0;
    for (const key of items) if (await this.#dropIfIdle(key, { shard, ttlMs, live })) count += 1;
    if (count > 0) observer.log('info', 'idle accounts were deleted', { count });
  }

  async #dropIfIdle(
    key: string,
    { shard, ttlMs, live }: { shard: Shard; ttlMs: number; live: ReadonlySet<string> },
  ): Promise<boolean> {
    const { calls, leaving, store } = this.#options;
    const fields = ['eddsa', 'claimed', 'epoch', 'created', 'ended', 'token', 'node', 'guard'];
    const reply = listOf(await calls.command('sweep', key, ['HMGET', key, ...fields])).map(textOf);
    const [eddsa, claimed, epoch, created, ended, token, node, guard] = reply;
    // Unclaimed accounts expire by themselves. A banned user must not come back by a new account of the same key.
    if (eddsa === null || claimed !== '1' || guard?.includes('x') === true) return false;
    if (token !== '' && live.has(node ?? '')) return false;
    const [seconds] = listOf(await shard.command(['TIME']));
    // Earlier versions note no end.
    const seenMs = Math.max(Number(epoch), Number(created) / 1000, Number(ended));
    if (Number(textOf(seconds ?? null)) * 1000 - seenMs < ttlMs) return false;
    const code = codeOfUser(key);
    if (token !== '') {
      // Of a node that has died: when it died, up to which the user may have been connected, is not known. It ends now.
      await store.release({ code, token: token ?? '' });
      return false;
    }
    return leaving.remove(code, { token, epoch: Number(epoch) });
  }
}
