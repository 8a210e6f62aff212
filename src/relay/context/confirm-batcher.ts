/**
 * Receipts leave at most so often. A confirm of its own wakes this process and the store; those of ten milliseconds
 * leave in one write. What it costs: a node that is killed, or a login elsewhere, finds so many milliseconds' more
 * receipts unheard, and their envelopes are sent once more, as those whose receipts were on their way are in any case.
 * On a quiet node nothing waits.
 */
const EVERY_MS = 10;

interface Gathered {
  confirm(): void;
}

/** Lets the receipts of all sessions of a node leave together. */
export class ConfirmBatcher {
  readonly #now: () => number;
  readonly #waiting = new Set<Gathered>();
  #timer: NodeJS.Timeout | null = null;
  #leftMs = Number.NEGATIVE_INFINITY;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Its `confirm` is called once: now, or within `EVERY_MS`. */
  join(one: Gathered): void {
    const nowMs = this.#now();
    const waitMs = this.#leftMs + EVERY_MS - nowMs;
    if (this.#timer === null && waitMs <= 0) {
      this.#leftMs = nowMs;
      one.confirm();
      return;
    }
    this.#waiting.add(one);
    this.#timer ??= setTimeout(() => this.#flush(), waitMs);
  }

  /** It is not called any more. */
  leave(one: Gathered): void {
    this.#waiting.delete(one);
  }

  #flush(): void {
    this.#timer = null;
    this.#leftMs = this.#now();
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const one of due) one.confirm();
  }
}
