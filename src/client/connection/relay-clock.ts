/** What a relay says of the time and of itself, at the login. */
export interface RelayClock {
  /** The relay's clock minus this device's, in ms. */
  readonly aheadMs: number;
  /** Its public URLs; null if it does not say which it has. */
  readonly audiences: readonly string[] | null;
}

/** Before the first login, and by protocol 1. */
export const UNKNOWN_CLOCK: RelayClock = { aheadMs: 0, audiences: null };

/** The time by the relay's clock, which people with wrong clocks share. */
export function relayNow({ aheadMs, audiences }: RelayClock): {
  readonly nowMs: number;
  readonly audiences: readonly string[] | null;
} {
  return { nowMs: Date.now() + aheadMs, audiences };
}
