import type { PrekeyBatch } from '../../protocol/prekeys.ts';
import type { SessionKey, SessionState } from '../session.ts';

/** A batch as its owner has signed it. */
export interface SignedPrekeys extends PrekeyBatch {
  /** 128 lower-case hex digits. */
  readonly signature: string;
}

/** What a login finds of the user's own batch. */
export interface PrekeyState {
  /** 0: none was published. */
  readonly generation: number;
  /** Keys of it that were given to no claim. */
  readonly left: number;
  /**
   * Names the history of the store: another after a restart, a failover, a restored backup or a move of the user to another
   * server. Claims may have been lost with the old one, so that none of its keys is given again: `left` is 0.
   */
  readonly store: string;
}

/**
 * Keys for first messages. Promises, beside those of `Engine`:
 * - **Once.** Two claims never share a key of `keys`, whatever dies: a key that may have been given is not given again.
 * - **Repeatable.** The same claimer with the same id gets the same key again for a day, unless the batch was replaced.
 * - **Bounded.** One key for each claimer in a day, and `PREKEY_CLAIMS_MAX` a day in all; further claims get none.
 */
export interface Prekeys {
  /**
   * Replaces the batch. `stale`: the one there has this generation or a higher one, and is another. `elsewhere`: `store` is
   * not what this history is called. Publishing the same batch again changes nothing.
   */
  publish(session: SessionKey, batch: SignedPrekeys, store: string): Promise<PublishResult>;
  claim(request: PrekeyClaimRequest): Promise<PrekeyClaim>;
}

export type PublishResult = 'done' | 'stale' | 'elsewhere' | Exclude<SessionState, 'held'>;

export interface PrekeyClaimRequest {
  /** Whose keys. */
  readonly code: string;
  /** For whom. */
  readonly claimer: string;
  /** The claimer's name for this claim. */
  readonly id: string;
}

export type PrekeyClaim =
  /** `index` of the key in the batch's `keys`; null: there is only the key of last resort. */
  | { readonly outcome: 'claimed'; readonly batch: SignedPrekeys; readonly index: number | null }
  /** The user has published nothing. */
  | { readonly outcome: 'none' }
  | { readonly outcome: 'unknown_user' };
