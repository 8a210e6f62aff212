/** Spread of reconnects after a 1012, so that clients do not come back all at once. */
const RETRY_MS_MAX = 5_000;

/** The reason of a 1012, the only one that machines read: when to come back. */
export function restartReason(retryMs = Math.random() * RETRY_MS_MAX): string {
  return `retry in ${Math.floor(retryMs)} ms`;
}
