import { BoundedMap } from './bounded-map.ts';

/** One token bucket: `perSecond` tokens flow in, at most `burst` stay. Starts full. */
interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export interface RateOptions {
  /** 0: no limit. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Buckets kept at once, so that a flood of addresses costs bounded memory; the least recently used is forgotten. */
const KEYS_MAX = 100_000;

/**
 * Token buckets by key (a user's code, a client's address). They outlive sockets: reconnecting does not refill them.
 * Forgetting a full bucket changes nothing.
 */
export class RateLimiter {
  readonly options: RateOptions;
  readonly #buckets = new BoundedMap<string, Bucket>(KEYS_MAX);

  constructor(options: RateOptions) {
    this.options = options;
  }

  /** Takes `cost` tokens: 0 if there were enough, otherwise the milliseconds until there would be, and none taken. */
  take(key: string, cost = 1): number {
    const { perSecond, burst, now } = this.options;
    if (perSecond === 0) return 0;
    const nowMs = now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, filledAtMs: nowMs };
    bucket.tokens = this.#tokensOf(bucket, nowMs);
    bucket.filledAtMs = nowMs;
    // A cost above the burst passes when the bucket is full, and leaves a debt.
    const waitMs = this.#untilMs(bucket.tokens, Math.min(cost, burst));
    if (waitMs === 0) bucket.tokens -= cost;
    this.#buckets.set(key, bucket);
    return waitMs;
  }

  /** Milliseconds until `tokens` would be there, 0 if they are. Takes none. */
  waitMs(key: string, tokens: number): number {
    const bucket = this.#buckets.get(key);
    // A forgotten bucket is full.
    if (bucket === undefined || this.options.perSecond === 0) return 0;
    return this.#untilMs(this.#tokensOf(bucket, this.options.now()), tokens);
  }

  /** Returns tokens that were taken in advance and not needed. */
  giveBack(key: string, cost = 1): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.tokens = Math.min(this.options.burst, bucket.tokens + cost);
  }

  /** Forgets buckets that have been full for a while. Called about once a second. */
  sweep(): void {
    const { perSecond, burst, now } = this.options;
    const forgetAfterMs = 2 * (burst / perSecond) * 1000 + 1000;
    const nowMs = now();
    this.#buckets.sweep(({ filledAtMs }) => nowMs - filledAtMs >= forgetAfterMs);
  }

  #tokensOf({ tokens, filledAtMs }: Bucket, nowMs: number): number {
    const { perSecond, burst } = this.options;
    return Math.min(burst, tokens + ((nowMs - filledAtMs) / 1000) * perSecond);
  }

  #untilMs(tokens: number, needed: number): number {
    return tokens >= needed ? 0 : Math.ceil(((needed - tokens) / this.options.perSecond) * 1000);
  }
}
