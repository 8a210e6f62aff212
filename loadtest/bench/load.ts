import type { DialectName } from '../dialects/dialects.ts';

/** What the bench and its client processes say to each other. */

export interface Pairs {
  /** Of the nodes: pair n sends from number n to the next, modulo their number. */
  readonly urls: readonly string[];
  readonly count: number;
  /** Bytes of the ciphertext in each envelope; the frame has about 300 more. */
  readonly payloadBytes: number;
  readonly protocol: 1 | 2;
  /** Another server than ours; null for ours. */
  readonly dialect: DialectName | null;
}

/**
 * - `closed`: each pair keeps `outstanding` envelopes on the way; says what the system can carry.
 * - `open`: `perSecond` envelopes over all pairs are due at fixed times, whatever the system does; latency counts
 *   from when an envelope was due, so that waiting to be sent is not left out (coordinated omission).
 */
export type Load =
  | { readonly mode: 'closed'; readonly outstanding: number; readonly seconds: number }
  | { readonly mode: 'open'; readonly perSecond: number; readonly seconds: number };

export type Order =
  | { readonly do: 'connect'; readonly pairs: Pairs }
  | { readonly do: 'sign'; readonly envelopes: number }
  | { readonly do: 'run'; readonly load: Load };

/** Closed loop: so many are signed beforehand. More than any machine that we know carries. */
export const SIGNED_PER_S_MAX = 30_000;

export interface LoadResult {
  readonly sent: number;
  readonly received: number;
  readonly errors: readonly string[];
  /** HdrHistogram of latencies in microseconds, in its compressed base64 form. */
  readonly latencies: string;
}

export type Reply =
  | { readonly done: 'connect' | 'sign' }
  | { readonly done: 'run'; readonly result: LoadResult };
