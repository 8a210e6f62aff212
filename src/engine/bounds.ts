import type { EngineLimits } from './engine.ts';

/** Bounds of every engine that are not settings: they are part of the protocol's promises. */

/** How long the outcomes of a batch are remembered, and an older session of its sender is kept out by them. */
export const FENCE_TTL_MS = 120_000;

/**
 * A batch is stored only this long after the store has said that the session of its sender holds. A newer session can
 * only have begun after that, so that its fence is still there; the other half of the fence's life is for clocks.
 */
export const HOLD_MS = FENCE_TTL_MS / 2;

/**
 * Ids are remembered in two generations, each filled for one period and forgotten at the end of the next: a repeat is
 * recognised for 10 to 20 minutes (the protocol promises 10).
 */
export const DEDUPE_PERIOD_MS = 600_000;

/** Ids in one generation of one mailbox: under a flood of ids they are forgotten earlier, and memory stays bounded. */
export const DEDUPE_IDS = 10_000;

/**
 * Envelopes are counted by sender once a mailbox holds more than the share of one sender, or more than this: a bound on
 * the entries that the first count has to read.
 */
export const UNCOUNTED = { envelopes: 256, bytes: 1024 * 1024 } as const;

/** How much of one sender may wait in one mailbox. Bytes are those of frames; one envelope may always wait. */
export function shareOf(limits: EngineLimits): { readonly envelopes: number; readonly bytes: number } {
  const { mailboxEnvelopes, mailboxBytes, mailboxSharePercent } = limits;
  return {
    envelopes: Math.max(1, Math.floor((mailboxEnvelopes * mailboxSharePercent) / 100)),
    bytes: Math.floor((mailboxBytes * mailboxSharePercent) / 100),
  };
}

/** People that one user knows, beside the blocked ones; anybody beyond may only ask, as a stranger. */
export const KNOWN_MAX = 10_000;

/** Requests of strangers that wait in one mailbox, beside its quota. */
export const REQUESTS_MAX = 16;

/** Senders that one user does not hear and keeps count of; beyond, a random one is forgotten, and is new again. */
export const UNHEARD_MAX = 1_000;

/** A stranger who left a request may leave another after this. */
export const UNHEARD_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** Places that one user is pushed to. */
export const SUBSCRIPTIONS_MAX = 5;

/** Subscriptions that no client has renewed for so long are forgotten. Pages renew them at each login. */
export const SUBSCRIPTION_TTL_MS = 90 * 24 * 60 * 60 * 1000;

/** One claimer gets one key of a batch in this time. */
export const PREKEY_CLAIM_MS = 24 * 60 * 60 * 1000;

/** Claims of one user's keys that are remembered for that time; beyond, there is only the key of last resort. */
export const PREKEY_CLAIMS_MAX = 200;

/** Lifetime of an account without a proof or a login. */
export const UNCLAIMED_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** A use of an invitation that was taken so long ago, and made no account, goes back. */
export const INVITATION_PENDING_MS = 120_000;

/** Invitations that have neither expired nor been revoked; used up ones count. */
export const INVITATIONS_MAX = 10_000;

/** Lines of the audit log; the oldest leave. */
export const AUDIT_MAX = 10_000;

/** Reports that operators can see; the oldest leave. */
export const REPORTS_MAX = 500;

/** A report has so many envelopes at most, and their data so many bytes together. */
export const REPORT_ENVELOPES_MAX = 16;
export const REPORT_BYTES_MAX = 32 * 1024;

/** One user may file a report this often, so that no reporter pushes out what others have filed. */
export const REPORT_EVERY_MS = 60_000;

/** Reports are deleted after this. */
export const REPORT_TTL_MS = 90 * 24 * 60 * 60 * 1000;

/** Above this share of memory, registrations are refused to protect existing users. */
export const REGISTRATION_MEMORY_PERCENT = 90;

/** What one user who has logged in takes of Redis' memory, an empty mailbox included. Measured by a test. */
export const USER_BYTES = 900;

/** The tag of a mailbox id is one of so many random values (20 bits), so that an id identifies one history. */
export const TAG_VALUES = 2 ** 20;
