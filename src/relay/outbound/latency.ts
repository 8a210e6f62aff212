import type { MailboxId } from '../../engine/engine.ts';
import { isAfter, microseconds } from '../../engine/mailbox-id.ts';
import type { Metrics } from '../../ops/metrics.ts';

const US_PER_S = 1e6;
const MS_PER_S = 1e3;
/** A clock that counts whole milliseconds is half of one behind on average. */
const HALF_MS = 0.5;

export interface LatencyOptions {
  readonly metrics: Pick<Metrics, 'acceptToPushSeconds' | 'pushToConfirmSeconds'>;
  /** The newest id of the mailbox at login: what lay there before waited for its reader, not for us. */
  readonly loginLast: MailboxId;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since 1970, to be compared with the clock of the store. */
  readonly clock: () => number;
}

/**
 * How long envelopes of one session take. One envelope in flight is measured at a time: a push costs a comparison
 * while it is out, quiet sessions are measured whole, and a reader who is slow has no more samples than his round
 * trips.
 */
export class Latency {
  readonly #options: LatencyOptions;
  /** The envelope that is being measured; null: the next one will be. */
  #measured: { readonly id: MailboxId; readonly pushedMs: number } | null = null;

  constructor(options: LatencyOptions) {
    this.#options = options;
  }

  pushed(id: MailboxId): void {
    if (this.#measured !== null) return;
    const { metrics, loginLast, now, clock } = this.#options;
    this.#measured = { id, pushedMs: now() };
    if (!isAfter(id, loginLast)) return;
    const storedS = Number(microseconds(id)) / US_PER_S;
    const pushedS = (clock() + HALF_MS) / MS_PER_S;
    // Clocks of two machines differ by a little, and after a fail-back ids run ahead of theirs.
    metrics.acceptToPushSeconds.observe(Math.max(0, pushedS - storedS));
  }

  /** Everything up to `id` is confirmed. */
  confirmed(id: MailboxId): void {
    if (this.#measured === null || isAfter(this.#measured.id, id)) return;
    const { metrics, now } = this.#options;
    metrics.pushToConfirmSeconds.observe((now() - this.#measured.pushedMs) / MS_PER_S);
    this.#measured = null;
  }
}
