/** Spread of reconnects after a 1012, so that clients do not come back all at once. */
const RETRY_MS_MAX = 5_000;

/** The reason of a 1012, the only one that machines read: when to come back. */
export function restartReason(random: () => number = Math.random): string {
  return `retry in ${Math.floor(random() * RETRY_MS_MAX)} ms`;
}
