import { type Announcement, type Announcements, LEASE_MS } from '../../verbs/announcements.ts';
import type { PushSubscription } from '../../verbs/subscriptions.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { awayPushKey, keysBesideUser, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';
import type { Timings } from '../timings.ts';
import type { Noting } from './noting.ts';

export interface RedisAnnouncementsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly timings: Timings;
  readonly mailboxTtlMs: number;
  readonly noting: Noting;
  readonly way: 'hook' | 'push';
}

/** Keys that one `take` asks for, at once. */
const KEYS_MAX = 100;
/** After Redis did not answer. */
const RETRY_MS = 1_000;

/** See `Announcements`: users whom `Noting` has noted, to be woken in one way. */
export class RedisAnnouncements implements Announcements {
  /** Where those of this way are noted. */
  readonly #all: readonly string[];
  readonly #options: RedisAnnouncementsOptions;
  /** Keys with something to take, and when, by `performance.now`: what this node has noted or found. */
  readonly #due = new Map<string, number>();
  #swept = 0;
  #sweptAtMs = performance.now();

  constructor(options: RedisAnnouncementsOptions) {
    this.#options = options;
    this.#all = options.noting.keys.all.map((away) => this.#keyBeside(away));
  }

  /** A user was noted by this node. */
  noted(code: string): void {
    this.#lookIn(this.#keyOf(code), this.#options.timings.announceAfterMs);
  }

  async take(max: number): Promise<readonly Announcement[]> {
    await Promise.all([this.#options.noting.again(), this.#sweep()]);
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
    for (const { code } of announcements) this.#lookIn(this.#keyOf(code), afterMs);
    return this.#settle(announcements, `${Math.ceil(afterMs)}`);
  }

  #keyBeside(away: string): string {
    return this.#options.way === 'push' ? awayPushKey(away) : away;
  }

  #keyOf(code: string): string {
    return this.#keyBeside(this.#options.noting.keys.of(code));
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
      const isDue = ({ waiting, subscriptions }: Announcement) =>
        waiting > 0 && (this.#options.way === 'hook' || subscriptions.length > 0);
      const away = found.filter(isDue);
      await this.#settle(
        found.filter((each) => !isDue(each)),
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
    const { calls, scripts, mailboxTtlMs, way } = this.#options;
    const args = () => [`${mailboxTtlMs * 1000}`, way];
    const script = scripts['announcements/look'];
    const beside = () => keysBesideUser(code);
    const [, epoch, waiting, sinceUs, ...lines] = listOf(
      await calls.run({ script, key: userKey(code), beside, args }),
    );
    return {
      code,
      ticket,
      epoch: Number(epoch ?? 0),
      waiting: Number(waiting ?? 0),
      sinceUs: Number(textOf(sinceUs)),
      subscriptions: readSubscriptions(lines.map((line) => textOf(line) ?? '')),
    };
  }

  async #settle(announcements: readonly Announcement[], afterMs: string): Promise<void> {
    const { calls, scripts } = this.#options;
    const script = scripts['announcements/settle'];
    const byKey = new Map<string, string[]>();
    for (const { code, ticket } of announcements) {
      const key = this.#keyOf(code);
      byKey.set(key, [...(byKey.get(key) ?? []), code, ticket]);
    }
    await Promise.all(
      [...byKey].map(([key, those]) => calls.run({ script, key, args: () => [afterMs, ...those] })),
    );
  }

  /** Looks, in turn, for what nodes have left behind that ended: at every key once per `announceSweepMs`. */
  async #sweep(): Promise<void> {
    const { calls, timings } = this.#options;
    const sinceMs = Math.min(performance.now() - this.#sweptAtMs, timings.announceSweepMs);
    const count = Math.min(
      this.#all.length,
      Math.ceil((this.#all.length * sinceMs) / timings.announceSweepMs),
    );
    this.#sweptAtMs = performance.now();
    const some = Array.from(
      { length: count },
      (_, n) => this.#all[(this.#swept + n) % this.#all.length] ?? '',
    );
    this.#swept = (this.#swept + count) % this.#all.length;
    await Promise.all(
      some.map(async (key) => {
        const exists = await calls.command('sweep', key, ['EXISTS', key]).catch(() => 0);
        if (exists === 1) this.#lookIn(key, 0);
      }),
    );
  }
}

/** @param lines `<us> <endpoint> <p256dh> <auth>`, as push/subscribe writes them */
function readSubscriptions(lines: readonly string[]): PushSubscription[] {
  return lines.map((line) => {
    const [, endpoint = '', p256dh = '', auth = ''] = line.split(' ');
    return { endpoint, p256dh, auth };
  });
}
