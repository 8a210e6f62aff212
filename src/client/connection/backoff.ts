import { CLOSES, type CloseName } from '../../protocol/closes.ts';

/** First and longest interval from which a retry's delay is drawn. */
const FIRST_SPAN_MS = 500;
const LONGEST_SPAN_MS = 30_000;
/** An honest relay asks for seconds; a hostile one must not silence a client for years. */
const LONGEST_ORDERED_WAIT_MS = 120_000;

/**
 * The delay before try number `attempt` (from 0) with full jitter: a random time below a bound that doubles, so that
 * clients dropped together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function fullJitterMs(attempt: number, random: () => number = Math.random): number {
  const spanMs = Math.min(LONGEST_SPAN_MS, FIRST_SPAN_MS * 2 ** Math.min(attempt, 16));
  return Math.floor(random() * spanMs);
}

/** What the client does after a close. */
export type AfterClose =
  | { readonly reconnect: 'with full jitter' }
  | { readonly reconnect: 'after'; readonly waitMs: number }
  | { readonly reconnect: 'never'; readonly name: CloseName };

/** Reads a close by the protocol's table. Codes that are not in it, such as 1006, mean a lost connection. */
export function afterClose(code: number, reason: string): AfterClose {
  for (const [name, close] of Object.entries(CLOSES)) {
    if (close.code !== code) continue;
    switch (close.reconnect) {
      case 'not without a change':
      case 'never by itself':
        return { reconnect: 'never', name: name as CloseName };
      case 'after the `retry in … ms` of the reason': {
        const ordered = /^retry in (\d{1,9}) ms$/.exec(reason)?.[1];
        if (ordered === undefined) break;
        return { reconnect: 'after', waitMs: Math.min(Number(ordered), LONGEST_ORDERED_WAIT_MS) };
      }
    }
  }
  return { reconnect: 'with full jitter' };
}
