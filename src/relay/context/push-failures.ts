import { BoundedMap } from '../limits/bounded-map.ts';

/** An envelope that could not be handed to a socket this often becomes a dead letter. */
const FAILURES_MAX = 3;
/** Envelopes remembered at once; the count of the oldest starts again. */
const REMEMBERED_MAX = 1_000;

/**
 * How often this node has failed to hand an envelope to a socket, for any reason. Without a bound the client would
 * reconnect, be given the same envelope and lose its connection again, for ever. Each node counts for itself.
 */
export class PushFailures {
  readonly #failures = new BoundedMap<string, number>(REMEMBERED_MAX);

  /** Counts a failure. True if it was the last one allowed: the caller makes the envelope a dead letter. */
  isLast(envelope: string): boolean {
    const failures = (this.#failures.get(envelope) ?? 0) + 1;
    if (failures >= FAILURES_MAX) {
      this.#failures.delete(envelope);
      return true;
    }
    this.#failures.set(envelope, failures);
    return false;
  }
}
