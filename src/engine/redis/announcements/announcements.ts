import { type Announcement, type Announcements, LEASE_MS } from '../../announcements.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { awayKeys, keysBesideUser, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';
import type { Timings } from '../timings.ts';

export interface RedisAnnouncementsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly timings: Timings;
  readonly mailboxTtlMs: number;
  readonly isCluster: boolean;
}

/** Keys that one `take` asks for, at once. */
const KEYS_MAX = 100;
/** After Redis did not answer. */
const RETRY_MS = 1_000;
/** Users whose slot was moving; beyond, their next envelope notes them. */
const MOVING_MAX = 10_000;

/** See `Announcements`. In a Cluster there is one zset for each slot, so that `deliver` can write it: 16,384. */
export class RedisAnnouncements implements Announcements {
  /** In which scripts note users. */
  readonly keys: ReturnType<typeof awayKeys>;
  readonly #options: RedisAnnouncementsOptions;
  /** Keys with something to take, and when, by `performance.now`: what this node has noted or found. */
  readonly #due = new Map<string, number>();
  readonly #moving = new Set<string>();
  #swept = 0;
  #sweptAtMs = performance.now();

  constructor(options: RedisAnnouncementsOptions) {
    this.#options = options;
    this.keys = awayKeys(options.isCluster);
  }

  /** @param answer of a script: see lua/announcements/announce.lua */
  noted(code: string, answer: string): void {
    if (answer.includes('?') && this.#moving.size < MOVING_MAX) this.#moving.add(code);
    if (answer.includes('!')) this.#lookIn(this.keys.of(code), this.#options.timings.announceAfterMs);
  }

  async take(max: number): Promise<readonly Announcement[]> {
    await Promise.all([this.#noteAgain(), this.#sweep()]);
    const nowMs = performance.now();
    const due = [...this.#due].filter(([, atMs]) => atMs <= nowMs).slice(0, Math.min(max, KEYS_MAX));
    const each = Math.floor(max / Math.max(1, due.length));
    const taken = await Promise.all(due.map(([key]) => this.#takeFrom(key, each)));
    return taken.flat();
  }

  done(announcements: readonly Announcement[]): Promise<void> {
    return this.#settle(announcements, '');
  }

  putBack(announcements: readonly Announcement[], afterMs: number): Promise<void> {
    for (const { code } of announcements) this.#lookIn(this.keys.of(code), afterMs);
    return this.#settle(announcements, `${Math.ceil(afterMs)}`);
  }

  #lookIn(key: string, afterMs: number): void {
    const atMs = performance.now() + afterMs;
    this.#due.set(key, Math.min(this.#due.get(key) ?? atMs, atMs));
  }

  async #takeFrom(key: string, max: number): Promise<Announcement[]> {
    const { calls, scripts } = this.#options;
    this.#due.delete(key);
    try {
      const args = () => [`${LEASE_MS}`, `${max}`];
      const reply = listOf(await calls.run({ script: scripts['announcements/take'], key, args }));
      const [ticket, nextMs, ...codes] = reply.map((each) => textOf(each) ?? '');
      if (Number(nextMs) >= 0) this.#lookIn(key, Number(nextMs));
      const looked = await Promise.allSettled(codes.map((code) => this.#look(code, ticket ?? '')));
      // Those that could not be looked at are taken again after the lease.
      const found = looked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      const away = found.filter(({ waiting }) => waiting > 0);
      await this.#settle(
        found.filter(({ waiting }) => waiting === 0),
        '',
      );
      return away;
    } catch {
      // Redis is away, which others report.
      this.#lookIn(key, RETRY_MS);
      return [];
    }
  }

  /** `waiting` is 0 if the user need not be announced any more. */
  async #look(code: string, ticket: string): Promise<Announcement> {
    const { calls, scripts, mailboxTtlMs } = this.#options;
    const args = () => [`${mailboxTtlMs * 1000}`];
    const script = scripts['announcements/look'];
    const beside = () => keysBesideUser(code);
    const [, epoch, waiting, sinceUs] = listOf(await calls.run({ script, key: userKey(code), beside, args }));
    return {
      code,
      ticket,
      epoch: Number(epoch ?? 0),
      waiting: Number(waiting ?? 0),
      sinceUs: Number(textOf(sinceUs)),
    };
  }

  async #settle(announcements: readonly Announcement[], afterMs: string): Promise<void> {
    const { calls, scripts } = this.#options;
    const script = scripts['announcements/settle'];
    const byKey = new Map<string, string[]>();
    for (const { code, ticket } of announcements) {
      const key = this.keys.of(code);
      byKey.set(key, [...(byKey.get(key) ?? []), code, ticket]);
    }
    await Promise.all(
      [...byKey].map(([key, those]) => calls.run({ script, key, args: () => [afterMs, ...those] })),
    );
  }

  async #noteAgain(): Promise<void> {
    const { calls, scripts } = this.#options;
    const codes = [...this.#moving].slice(0, KEYS_MAX);
    const script = scripts['announcements/note'];
    for (const code of codes) this.#moving.delete(code);
    await Promise.all(
      codes.map(async (code) => {
        const key = this.keys.of(code);
        const beside = () => [...keysBesideUser(code), key];
        const run = calls.run({ script, key: userKey(code), beside, args: () => [key] });
        this.noted(code, await run.then(String, () => '?'));
      }),
    );
  }

  /** Looks, in turn, for what nodes have left behind that ended: at every key once per `announceSweepMs`. */
  async #sweep(): Promise<void> {
    const { calls, timings } = this.#options;
    const { all } = this.keys;
    const sinceMs = Math.min(performance.now() - this.#sweptAtMs, timings.announceSweepMs);
    const count = Math.min(all.length, Math.ceil((all.length * sinceMs) / timings.announceSweepMs));
    this.#sweptAtMs = performance.now();
    const some = Array.from({ length: count }, (_, n) => all[(this.#swept + n) % all.length] ?? '');
    this.#swept = (this.#swept + count) % all.length;
    await Promise.all(
      some.map(async (key) => {
        const exists = await calls.command('sweep', key, ['EXISTS', key]).catch(() => 0);
        if (exists === 1) this.#lookIn(key, 0);
      }),
    );
  }
}
