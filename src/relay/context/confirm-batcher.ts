/**
 * A node sends confirms at most this often. A confirm sent alone wakes this process and Redis; those of ten
 * milliseconds leave in one write. The price: when a node is killed, or the user logs in elsewhere, up to this much
 * more of the client's receipts are lost, and those envelopes are sent once more, as envelopes whose receipts are on
 * their way always are. On a quiet node nothing waits.
 */
const EVERY_MS = 10;

interface Confirming {
  confirm(): void;
}

/** Lets the receipts of all sessions of a node leave together. */
export class ConfirmBatcher {
  readonly #now: () => number;
  readonly #waiting = new Set<Confirming>();
  #timer: NodeJS.Timeout | null = null;
  #flushedMs = Number.NEGATIVE_INFINITY;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls `session.confirm` once: now, or within `EVERY_MS`. */
  join(session: Confirming): void {
    const nowMs = this.#now();
    const waitMs = this.#flushedMs + EVERY_MS - nowMs;
    if (this.#timer === null && waitMs <= 0) {
      this.#flushedMs = nowMs;
      session.confirm();
      return;
    }
    this.#waiting.add(session);
    this.#timer ??= setTimeout(() => this.#flush(), waitMs);
  }

  /** Its `confirm` is not called any more. */
  leave(session: Confirming): void {
    this.#waiting.delete(session);
  }

  #flush(): void {
    this.#timer = null;
    this.#flushedMs = this.#now();
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const session of due) session.confirm();
  }
}
