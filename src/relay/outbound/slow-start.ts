/** A window of so many envelopes is a whole one: clients of protocol 2 acknowledge after as many. */
const WHOLE = 64;
const GROWTH = 4;

/**
 * Bounds the window of a session whose predecessor ended on an unconfirmed envelope without a pong, or for the third
 * time. It begins with that envelope alone and grows with the receipts, as far as the client's speed allows: what is in
 * flight should be confirmed within `budgetMs`. So a client that works for seconds on each envelope makes progress at
 * every login, and an envelope on which a client dies is not taken for its neighbours.
 */
export class SlowStart {
  readonly #now: () => number;
  readonly #budgetMs: number;
  /** Envelopes that may be in flight. */
  limit = 1;
  /** When the client began to work on what is in flight: the last receipt, or the push after it. */
  #sinceMs = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number, budgetMs: number) {
    this.#now = now;
    this.#budgetMs = budgetMs;
  }

  /** An envelope was pushed while nothing was in flight. */
  began(): void {
    this.#sinceMs = this.#now();
  }

  /** So many envelopes were confirmed. False once the window needs no bound any more. */
  confirmed(envelopes: number): boolean {
    const nowMs = this.#now();
    const eachMs = Math.max(1, nowMs - this.#sinceMs) / envelopes;
    this.#sinceMs = nowMs;
    this.limit = Math.max(1, Math.min(this.limit * GROWTH, Math.floor(this.#budgetMs / eachMs)));
    return this.limit < WHOLE;
  }
}
