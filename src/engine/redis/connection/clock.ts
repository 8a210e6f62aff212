/**
 * What a shard's clock shows, estimated from its last answer and this process's monotonic clock, so that a script
 * can refuse what reaches it too late, whatever this machine's own clock says.
 */
export class ShardClock {
  /** Redis time minus monotonic time, ms. */
  #offsetMs = 0;

  /** `redisUs` was read by Redis between two monotonic times of ours: wrong by half the round trip at most. */
  observe(redisUs: number, sentMs: number, receivedMs: number): void {
    this.#offsetMs = redisUs / 1000 - (sentMs + receivedMs) / 2;
  }

  /** Microseconds since 1970 by that clock, `inMs` from now. */
  us(inMs: number): string {
    return ((performance.now() + this.#offsetMs + inMs) * 1000).toFixed(0);
  }
}
