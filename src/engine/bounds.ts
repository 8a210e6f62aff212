import type { EngineLimits } from './engine.ts';

/** Bounds that every engine keeps and nobody sets: they are part of the protocol's promises. */

/** How long a batch's answers are remembered. A node refuses by itself what it has held for longer. */
export const FENCE_TTL_MS = 120_000;

/**
 * Ids are remembered in two generations, each filled for one period and forgotten at the end of the next:
 * a repeat is known for 10 to 20 minutes (the protocol promises 10).
 */
export const DEDUPE_PERIOD_MS = 600_000;

/** Ids in one generation of one mailbox: a flood of ids makes the memory of them shorter, never larger. */
export const DEDUPE_IDS = 10_000;

/**
 * What waits in a mailbox is counted by sender once it holds more than one sender may have, or more than this: so many
 * entries at most are looked at to begin with.
 */
export const UNCOUNTED = { envelopes: 256, bytes: 1024 * 1024 } as const;

/** What one sender may have waiting in one mailbox: bytes are those of frames, and one envelope may always wait. */
export function shareOf(limits: EngineLimits): { readonly envelopes: number; readonly bytes: number } {
  const { mailboxEnvelopes, mailboxBytes, mailboxSharePercent } = limits;
  return {
    envelopes: Math.max(1, Math.floor((mailboxEnvelopes * mailboxSharePercent) / 100)),
    bytes: Math.floor((mailboxBytes * mailboxSharePercent) / 100),
  };
}

/** How long an account lives that nobody has proven or logged in to. */
export const UNCLAIMED_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** Of the memory that mail may take, how much may be in use before newcomers are refused: it is there for who is in. */
export const REGISTRATION_MEMORY_PERCENT = 90;

/** Mailbox ids carry this many random values, so that an id names one history (20 bits). */
export const TAG_VALUES = 2 ** 20;
