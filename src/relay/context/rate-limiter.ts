/** One token bucket: `perSecond` flow in, up to `burst` wait. Starts full. */
interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export interface RateOptions {
  readonly perSecond: number;
  readonly burst: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Buckets that are kept at once; beyond, the oldest is forgotten. Bounds the memory of a flood of addresses. */
const KEYS_MAX = 100_000;

/**
 * Token buckets by key (a user's code, a client's address), kept apart from sockets so that a reconnect does not
 * refill them. A bucket that is full again is forgotten, which changes nothing.
 */
export class RateLimiter {
  readonly #options: RateOptions;
  /** In the order of last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateOptions) {
    this.#options = options;
  }

  /** Tokens of a full bucket. */
  get burst(): number {
    return this.#options.burst;
  }

  /** Takes `cost` tokens (a flow of 0 is no limit): 0 if there were enough, otherwise the milliseconds until there would be, and none taken. */
  take(key: string, cost = 1): number {
    const { perSecond, burst, now } = this.#options;
    if (perSecond === 0) return 0;
    const nowMs = now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, filledAtMs: nowMs };
    bucket.tokens = this.#tokensOf(bucket, nowMs);
    bucket.filledAtMs = nowMs;
    // A cost above the burst passes when the bucket is full, and leaves a debt.
    const waitMs = this.#untilMs(bucket.tokens, Math.min(cost, burst));
    if (waitMs === 0) bucket.tokens -= cost;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > KEYS_MAX) this.#forgetOldest();
    return waitMs;
  }

  /** Milliseconds until `tokens` would be there, 0 if they are. Takes none. */
  waitMs(key: string, tokens: number): number {
    const bucket = this.#buckets.get(key);
    // One that is forgotten is full.
    if (bucket === undefined) return 0;
    return this.#untilMs(this.#tokensOf(bucket, this.#options.now()), tokens);
  }

  /** What was taken in advance was not needed. */
  giveBack(key: string, cost = 1): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#options.burst, bucket.tokens + cost);
  }

  /** Drops buckets that have been full for a while. Called about once a second. */
  sweep(): void {
    const { perSecond, burst, now } = this.#options;
    const fullAfterMs = (burst / perSecond) * 1000;
    for (const [key, bucket] of this.#buckets) {
      if (now() - bucket.filledAtMs < 2 * fullAfterMs + 1000) return;
      this.#buckets.delete(key);
    }
  }

  #tokensOf({ tokens, filledAtMs }: Bucket, nowMs: number): number {
    const { perSecond, burst } = this.#options;
    return Math.min(burst, tokens + ((nowMs - filledAtMs) / 1000) * perSecond);
  }

  #untilMs(tokens: number, needed: number): number {
    return tokens >= needed ? 0 : Math.ceil(((needed - tokens) / this.#options.perSecond) * 1000);
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next();
    if (!oldest.done) this.#buckets.delete(oldest.value);
  }
}
