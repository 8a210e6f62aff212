/** Clients come back after a random part of this, so that a 1012 does not bring them all back at once. */
const RETRY_MS_MAX = 5_000;

/** The reason of a 1012: the only close reason that clients parse. It tells them when to reconnect. */
export function restartReason(retryMs = Math.random() * RETRY_MS_MAX): string {
  return `retry in ${Math.floor(retryMs)} ms`;
}
