import type { PushSubscription } from './subscriptions.ts';

/**
 * Users who are away while something waits for them: a receiver outside of the relay is to wake them. `deliver` and `release`
 * note such a user in the step that finds the user away, once per login.
 *
 * Promises: a user who stays away is taken at least once, and after `done` not again before the next login, also if the
 * mail still waits. A node that dies between `take` and `done` leaves what it has taken to others, who may take it
 * `LEASE_MS` later. Not promised: that a user who comes back is not taken any more.
 */
export interface Announcements {
  /**
   * At most `max` users. The caller has them to itself for `LEASE_MS`. To be called every second: what was noted is
   * taken a second later, so that a client that reconnects at once is not woken.
   */
  take(max: number): Promise<readonly Announcement[]>;
  /** They were announced. */
  done(announcements: readonly Announcement[]): Promise<void>;
  /** They were not: any node may take them after this time. */
  putBack(announcements: readonly Announcement[], afterMs: number): Promise<void>;
}

export interface Announcement {
  readonly code: string;
  /** Of the last login; 0 before the first. Code and epoch are the same each time that this is taken. */
  readonly epoch: number;
  /** Envelopes; at least one. */
  readonly waiting: number;
  /** Nothing that waits is older: us since 1970. */
  readonly sinceUs: number;
  /** Where the user is pushed to; empty of those to whom that does not apply. */
  readonly subscriptions: readonly PushSubscription[];
  /** The engine's own: says whether the caller still has it. */
  readonly ticket: string;
}

/** How long a node has to announce what it has taken. */
export const LEASE_MS = 30_000;
