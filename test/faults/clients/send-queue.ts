import { NEVER } from '../checker/history.ts';
import type { Entry, Journal } from '../checker/journal.ts';

/** An envelope on its way out of a client. */
export interface Outgoing {
  readonly entry: Entry;
  readonly frame: string;
  /** Null: the relay answers only a failure. */
  readonly id: string | null;
  /** The order in which the client wants them sent. */
  readonly order: number;
}

interface Attempt {
  readonly outgoing: Outgoing;
  readonly frameNumber: number;
  readonly position: number;
  readonly sentAtMs: number;
  /** As before this attempt, for when the relay says that it stored nothing. */
  readonly before: { readonly first: number; readonly last: number };
}

export interface SendQueueOptions {
  readonly journal: Journal;
  /** Attempts without an answer at once. */
  readonly attemptsMax: number;
  /** How long to wait before something `unavailable` is sent again. */
  readonly retryDelayMs: () => number;
}

/**
 * What a client has to send, and what it knows of it: the part of a plain client that decides between accepted,
 * refused and unknown. With an `id` it sends again what is in doubt, in order; without one it never does.
 */
export class SendQueue {
  readonly #options: SendQueueOptions;
  /** Never sent yet, in order. */
  readonly #fresh: Outgoing[] = [];
  /** In doubt: to be sent again, before anything fresh, in order. */
  #again: Outgoing[] = [];
  /** On this connection and not answered, by the number of the frame. In the order of sending. */
  readonly #attempts = new Map<number, Attempt>();
  readonly #frameOfId = new Map<string, number>();
  #positions = 0;
  #holdUntilMs = 0;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /** Not sent, or sent and still without an outcome. */
  get open(): number {
    return this.#fresh.length + this.#again.length + this.#attempts.size;
  }

  get queued(): number {
    return this.#fresh.length;
  }

  /** When the oldest attempt was sent that must be answered, or null. */
  get waitingSinceMs(): number | null {
    for (const { outgoing, sentAtMs } of this.#attempts.values()) if (outgoing.id !== null) return sentAtMs;
    return null;
  }

  /** Whether anything to this recipient could only be settled by a later envelope with an `id`. */
  unsettled(recipient: string): boolean {
    for (const { outgoing } of this.#attempts.values()) {
      if (outgoing.id === null && outgoing.entry.recipient === recipient) return true;
    }
    return this.#fresh.some(({ id, entry }) => id === null && entry.recipient === recipient);
  }

  add(outgoing: Outgoing): void {
    this.#fresh.push(outgoing);
  }

  /** The next frame to send now, as the frame of this number; null: wait. */
  next(frameNumber: number): string | null {
    const { attemptsMax } = this.#options;
    const nowMs = performance.now();
    if (this.#attempts.size >= attemptsMax || nowMs < this.#holdUntilMs) return null;
    const outgoing = this.#again.shift() ?? this.#fresh.shift();
    if (outgoing === undefined) return null;
    this.#positions += 1;
    const position = this.#positions;
    const { entry, id } = outgoing;
    const before = { first: entry.firstPosition, last: entry.lastPosition };
    if (entry.firstPosition === NEVER) entry.firstPosition = position;
    entry.lastPosition = position;
    this.#attempts.set(frameNumber, { outgoing, frameNumber, position, sentAtMs: nowMs, before });
    if (id !== null) this.#frameOfId.set(id, frameNumber);
    return outgoing.frame;
  }

  accepted(id: string): void {
    const attempt = this.#take(this.#frameOfId.get(id));
    if (attempt === null) return;
    const { journal } = this.#options;
    journal.accept(attempt.outgoing.entry);
    const { recipient } = attempt.outgoing.entry;
    // One batch at a time per pair: those before it that were not complained of are stored too.
    for (const [frame, earlier] of this.#attempts) {
      if (frame >= attempt.frameNumber) break;
      if (earlier.outgoing.id !== null || earlier.outgoing.entry.recipient !== recipient) continue;
      this.#attempts.delete(frame);
      journal.accept(earlier.outgoing.entry);
    }
  }

  /** @returns how long the sender waited for this answer, ms; null if nothing waited for it */
  failed(error: {
    readonly code: string;
    readonly frame: number;
    readonly retryAfterMs: number | null;
  }): number | null {
    const attempt = this.#take(error.frame);
    if (attempt === null) return null;
    this.#settle(attempt, error);
    return performance.now() - attempt.sentAtMs;
  }

  #settle(attempt: Attempt, error: { readonly code: string; readonly retryAfterMs: number | null }): void {
    const { outgoing, before } = attempt;
    const { entry } = outgoing;
    if (error.code === 'unavailable') {
      entry.unavailable = true;
      // Not known to be stored: only an `id` makes it harmless to send it again.
      if (outgoing.id === null) return;
      this.#sendAgain([outgoing], this.#options.retryDelayMs());
      return;
    }
    entry.firstPosition = before.first;
    entry.lastPosition = before.last;
    if (error.code === 'rate_limited') this.#sendAgain([outgoing], error.retryAfterMs ?? 1_000);
    else if (entry.firstPosition === NEVER) entry.outcome = 'refused';
  }

  /** The connection is gone: what has no answer is in doubt. */
  disconnected(): void {
    const doubtful = [...this.#attempts.values()].map(({ outgoing }) => outgoing);
    this.#attempts.clear();
    this.#frameOfId.clear();
    this.#holdUntilMs = 0;
    this.#sendAgain(
      doubtful.filter(({ id }) => id !== null),
      0,
    );
  }

  #sendAgain(outgoing: readonly Outgoing[], delayMs: number): void {
    this.#again = [...this.#again, ...outgoing].sort((a, b) => a.order - b.order);
    if (delayMs > 0) this.#holdUntilMs = performance.now() + delayMs;
  }

  #take(frameNumber: number | undefined): Attempt | null {
    if (frameNumber === undefined) return null;
    const attempt = this.#attempts.get(frameNumber);
    if (attempt === undefined) return null;
    this.#attempts.delete(frameNumber);
    if (attempt.outgoing.id !== null) this.#frameOfId.delete(attempt.outgoing.id);
    return attempt;
  }
}
