/**
 * The time of a shard, estimated from its last answer and this process's monotonic clock, so that a script can refuse
 * calls that arrive too late, whatever the clock of this machine says.
 */
export class ShardClock {
  /** Redis time minus monotonic time, ms. */
  #offsetMs = 0;

  /** Redis read `redisUs` between these two monotonic times: the estimate is off by at most half the round trip. */
  observe(redisUs: number, sentMs: number, receivedMs: number): void {
    this.#offsetMs = redisUs / 1000 - (sentMs + receivedMs) / 2;
  }

  /** Microseconds since 1970 in that time, `inMs` from now. */
  us(inMs: number): string {
    return ((performance.now() + this.#offsetMs + inMs) * 1000).toFixed(0);
  }
}
