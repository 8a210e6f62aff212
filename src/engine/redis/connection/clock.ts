/** An estimate that moves forward by more than this is no error of measurement. */
const JUMP_MS = 1_000;

/**
 * The time of a shard, estimated from its last answer and this process's monotonic clock, so that a script can refuse
 * calls that arrive too late, whatever the clock of this machine says.
 */
export class ShardClock {
  /** Redis time minus monotonic time, ms. */
  #offsetMs = 0;
  /**
   * Holds since this monotonic time. At that moment the estimate jumped forward, because Redis' clock was set, or because
   * this machine was suspended and its monotonic clock with it; or it was the first.
   */
  #sinceMs = Number.POSITIVE_INFINITY;

  /** Redis read `redisUs` between these two monotonic times: the estimate is off by at most half the round trip. */
  observe(redisUs: number, sentMs: number, receivedMs: number): void {
    const offsetMs = redisUs / 1000 - (sentMs + receivedMs) / 2;
    if (this.#sinceMs === Number.POSITIVE_INFINITY || offsetMs - this.#offsetMs > JUMP_MS)
      this.#sinceMs = sentMs;
    this.#offsetMs = offsetMs;
  }

  /** Microseconds since 1970 in that time, `inMs` from now. */
  us(inMs: number): string {
    return this.#us(performance.now() + inMs);
  }

  /** The same, `inMs` from a monotonic time in the past; 0 if the estimate does not reach back so far. */
  usAt(pastMs: number, inMs: number): string {
    return pastMs < this.#sinceMs ? '0' : this.#us(pastMs + inMs);
  }

  #us(monotonicMs: number): string {
    return ((monotonicMs + this.#offsetMs) * 1000).toFixed(0);
  }
}
