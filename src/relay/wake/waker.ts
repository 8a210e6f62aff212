import { setTimeout as sleep } from 'node:timers/promises';
import type { Announcement, Announcements } from '../../engine/verbs/announcements.ts';

/** How users are woken: by the operator's webhook, or by Web Push. */
export interface Way {
  /** Users that it takes now; 0 while it pauses. */
  readonly max: number;
  /** Wakes users. Never rejects. Once `signal` aborts it gives up: another node does it. */
  send(users: readonly Announcement[], signal: AbortSignal): Promise<readonly Attempt[]>;
}

export interface Attempt {
  readonly user: Announcement;
  /** When to try again, ms from now; null if the user was woken, or cannot be. */
  readonly againMs: number | null;
}

export interface WakerOptions {
  readonly announcements: Announcements;
  readonly way: Way;
  readonly takeEveryMs?: number;
}

/** Of both ways, ms. */
export interface WakeTimings {
  /** After the first failure of a receiver; doubles with each. */
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
  /** Before a user is tried again whose message was refused: the receiver would say the same again. */
  readonly refusedMs: number;
}

export const WAKE_TIMINGS: WakeTimings = { pauseMinMs: 1_000, pauseMaxMs: 300_000, refusedMs: 300_000 };

const TAKE_EVERY_MS = 1_000;

/** Wakes those who are away while something waits for them. What it has not done stays in the store, for any node. */
export class Waker {
  readonly #options: WakerOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: WakerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run(this.#stop.signal);
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { takeEveryMs = TAKE_EVERY_MS } = this.#options;
    while (!signal.aborted) {
      const more = await this.#pass(signal).catch(() => false);
      if (!more) await sleep(takeEveryMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Whether there may be more to send at once. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const { announcements, way } = this.#options;
    const { max } = way;
    const taken = max === 0 ? [] : await announcements.take(max);
    if (taken.length === 0) return false;
    const attempts = await way.send(taken, signal);
    const done = attempts.flatMap(({ user, againMs }) => (againMs === null ? [user] : []));
    if (done.length > 0) await announcements.done(done);
    const again = new Map<number, Announcement[]>();
    for (const { user, againMs } of attempts) {
      if (againMs === null) continue;
      const afterMs = signal.aborted ? 0 : againMs;
      again.set(afterMs, [...(again.get(afterMs) ?? []), user]);
    }
    for (const [afterMs, users] of again) await announcements.putBack(users, afterMs);
    return again.size === 0;
  }
}
