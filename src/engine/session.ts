/** One login: identifies the user, and proves by its token which login holds the session. */
export interface SessionKey {
  readonly code: string;
  /** 32 random hex digits, made by the node for each claim. */
  readonly token: string;
  /** Given by `claim`; grows with every claim of the user. */
  readonly epoch: number;
  /** As claimed, so that `reclaim` can restore a lost login completely (protocol 2 closes the account to 1). */
  readonly protocol: 1 | 2;
}

/**
 * Whether a session is still valid:
 * - `held`
 * - `displaced`: a newer claim holds the user
 * - `gone`: the cursor points into a history that the store no longer has (a failover lost the tail): nothing was
 *   removed; close the socket with 1012, never rewind it
 * - `ended`: by an operator, or by its own release; the user may log in again
 * - `banned`: an operator has banned the user
 * - `unknown_user`: the store has lost the user, or the account has expired or was deleted
 */
export type SessionState = 'held' | 'displaced' | 'gone' | 'ended' | 'banned' | 'unknown_user';
