export interface BackOff {
  /** The first span, ms; doubles with each failure. */
  readonly firstMs: number;
  /** The longest span, ms. */
  readonly maxMs: number;
  /** `full`: anything from 0 to the span. `half`: from half of the span to all of it, where waiting has a purpose. */
  readonly jitter: 'full' | 'half';
}

/** More doublings than any span needs; beyond, 2 ** n would leave the integers. */
const DOUBLINGS_MAX = 30;

/**
 * How long to wait before the next try, in ms: a random part of a span that doubles, so that callers that failed
 * together do not retry together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param failures before this try in a row, less one: 0 after the first
 */
export function backOffMs(
  { firstMs, maxMs, jitter }: BackOff,
  failures: number,
  random = Math.random,
): number {
  const spanMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures, DOUBLINGS_MAX));
  return jitter === 'full' ? random() * spanMs : spanMs * (0.5 + random() / 2);
}
