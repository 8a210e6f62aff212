import { setTimeout as sleep } from 'node:timers/promises';
import type { TimeLimit } from '../time-limit.ts';

/** Reading a word takes less, even on a busy machine. */
const THEIR_NO_MS = 3_000;

/**
 * The result of sending. One who says no deletes the account at once, so the relay may refuse a part of the file before
 * that word has been read: a failure waits for the word, which ends the limit, and is the better reason.
 */
export async function orTheirNo<Result>(sending: Promise<Result>, limit: TimeLimit): Promise<Result> {
  try {
    return await sending;
  } catch (error) {
    await limit.unlessOver(sleep(THEIR_NO_MS));
    throw error;
  }
}
