import { type BackOff, backOffMs } from '../../protocol/back-off.ts';

/**
 * How often a session asks a store that is away again. Short spans, because Redis may be back at any moment: while it
 * is away calls fail at once, and meanwhile senders hear `unavailable` and receipts keep the mailbox full.
 */
const STORE_AWAY: BackOff = { firstMs: 250, maxMs: 2_000, jitter: 'half' };

/** Resolves when it is time to ask the store again. @param failures in a row, from 0. Keeps no process alive. */
export function retryPause(failures: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, backOffMs(STORE_AWAY, failures)).unref());
}
