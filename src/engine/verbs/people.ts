import type { SessionKey, SessionState } from '../session.ts';

/**
 * Who may write to a user. `deliver` decides by it, in the same step in which it stores: a sender who is not heard is
 * answered as if the recipient were away, and nothing is stored.
 */
export interface People {
  /** Nothing of this sender is stored from here on; what waits already stays. `full`: `maxBlocks` are blocked. */
  block(session: SessionKey, code: string): Promise<PeopleResult>;
  unblock(session: SessionKey, code: string): Promise<PeopleResult>;
  /** A page of the blocked codes, in no order; `after` is `next` of the page before, null for the first. */
  blocks(session: SessionKey, after: string | null): Promise<BlocksPage>;
  /**
   * `known`: strangers may leave one request each, of which 16 wait at most, in a quota of their own. Known are those
   * in `known`, and those that `acquaint` has named since.
   */
  setPolicy(session: SessionKey, policy: Policy, known: readonly string[]): Promise<PeopleResult>;
  /**
   * The user is about to write to these people, and from then on hears them. To be called before `deliver`, by sessions
   * whose policy is `known`; at most 10,000 are remembered.
   */
  acquaint(session: SessionKey, codes: readonly string[]): Promise<PeopleResult>;
}

export type Policy = 'anyone' | 'known';

export type PeopleResult = 'done' | 'full' | Exclude<SessionState, 'held'>;

export type BlocksPage =
  | { readonly state: 'held'; readonly codes: readonly string[]; readonly next: string | null }
  | { readonly state: Exclude<SessionState, 'held'> };
