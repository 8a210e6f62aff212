import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Announcement, Announcements } from '../../engine/announcements.ts';
import { formatCreatedAt } from '../../engine/created-at.ts';
import type { Logger } from '../../ops/log/log.ts';
import type { Metrics } from '../../ops/metrics/metrics.ts';
import type { Message, Sent } from './webhook.ts';

export interface WakerOptions {
  readonly announcements: Announcements;
  readonly send: (message: Message, signal: AbortSignal) => Promise<Sent>;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'wakes' | 'wakeSeconds' | 'wakePaused'>;
  readonly timings?: Partial<WakerTimings>;
}

export interface WakerTimings {
  readonly takeEveryMs: number;
  /** After the first failure; doubles with each. */
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
  /** Before a user is tried again whose message was refused: the receiver would say the same again. */
  readonly refusedMs: number;
}

const TIMINGS: WakerTimings = {
  takeEveryMs: 1_000,
  pauseMinMs: 1_000,
  pauseMaxMs: 300_000,
  refusedMs: 300_000,
};
/** Users in one message. */
const BATCH_MAX = 100;
const ID_BYTES = 16;

/**
 * Tells the operator's receiver which users are away while something waits for them: one message at a time, repeated with
 * growing pauses. What it has not told stays in the store, for this node or another.
 */
export class Waker {
  readonly #options: WakerOptions;
  readonly #timings: WakerTimings;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** In a row: the circuit breaker. Closed is 0; while it is open, nothing is sent until the pause is over. */
  #failures = 0;
  #pausedUntilMs = 0;
  /** After a failure one user alone, then more: one whom the receiver refuses does not hold up the others. */
  #batch = BATCH_MAX;

  constructor(options: WakerOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
  }

  start(): void {
    this.#running = this.#run(this.#stop.signal);
  }

  /** Gives up a message that is under way: another node sends it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const more = await this.#pass(signal).catch(() => false);
      if (!more) await sleep(this.#timings.takeEveryMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Whether there may be more to send at once. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    if (performance.now() < this.#pausedUntilMs) return false;
    const { announcements, send, metrics } = this.#options;
    const taken = await announcements.take(this.#batch);
    if (taken.length === 0) return false;
    const startedMs = performance.now();
    const sent = await send(message(taken), signal);
    metrics.wakeSeconds.observe((performance.now() - startedMs) / 1000);
    metrics.wakes.of(sent.outcome).add(taken.length);
    if (sent.outcome === 'sent') {
      this.#succeeded();
      await announcements.done(taken);
      return true;
    }
    const pauseMs = signal.aborted ? 0 : this.#failed(sent);
    // Of several, the others must not wait for the one that is refused: they are tried alone.
    const isAlone = sent.outcome === 'refused' && taken.length === 1;
    await announcements.putBack(taken, isAlone ? Math.max(pauseMs, this.#timings.refusedMs) : pauseMs);
    return false;
  }

  #succeeded(): void {
    const { log, metrics } = this.#options;
    if (this.#failures > 0) log.info('the receiver of wake-ups takes messages again');
    this.#failures = 0;
    this.#batch = Math.min(BATCH_MAX, this.#batch * 2);
    metrics.wakePaused.set(0);
  }

  /** Returns the pause. */
  #failed({ reason, retryAfterMs }: Sent): number {
    const { log, metrics } = this.#options;
    const { pauseMinMs, pauseMaxMs } = this.#timings;
    const doubled = Math.min(pauseMaxMs, pauseMinMs * 2 ** this.#failures);
    // A half of it random, so that nodes do not come back together.
    const pauseMs = Math.max(retryAfterMs, doubled * (0.5 + Math.random() / 2));
    if (this.#failures === 0) log.warn('the receiver of wake-ups does not take messages', { reason });
    this.#failures += 1;
    this.#batch = 1;
    this.#pausedUntilMs = performance.now() + pauseMs;
    metrics.wakePaused.set(1);
    return pauseMs;
  }
}

/** What an operator's receiver is told: docs/waking.md. */
function message(announcements: readonly Announcement[]): Message {
  const users = announcements.map(({ code, epoch, waiting, sinceUs }) => ({
    id: digest(`${code} ${epoch}`),
    code,
    waiting,
    since: formatCreatedAt(sinceUs),
  }));
  const body = { type: 'mailbox.waiting', timestamp: new Date().toISOString(), data: { users } };
  return { id: `wake_${digest(users.map(({ id }) => id).join(' '))}`, body: JSON.stringify(body) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, ID_BYTES).toString('base64url');
}
