import type { RequestTerms } from './exchange-payloads.ts';

/** A mailbox keeps a request for 7 days by default; a day more for clocks that differ. */
const AGE_MAX_MS = 8 * 86_400_000;
const AHEAD_MAX_MS = 86_400_000;

/** What a recipient knows that dates a request. */
export interface Now {
  /** By the relay's clock, which both sides set theirs by. */
  readonly nowMs: number;
  /** The URLs of this relay; null if it does not say which it has. */
  readonly audiences: readonly string[] | null;
}

/**
 * Whether a request was made for this relay, and lately. An old one that a relay repeats must neither cost a session nor
 * show its first message again to a recipient that has lost its state. `newestMs` is the time of this person's newest
 * request that was answered: requests come in the order in which they were made.
 */
export function isFresh(
  { audience, atMs }: RequestTerms,
  { nowMs, audiences }: Now,
  newestMs: number,
): boolean {
  if (audiences !== null && !audiences.includes(audience)) return false;
  return atMs > newestMs && nowMs - atMs <= AGE_MAX_MS && atMs - nowMs <= AHEAD_MAX_MS;
}
