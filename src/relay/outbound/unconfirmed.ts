import type { MailboxId, Unconfirmed } from '../../engine/engine.ts';
import { isAfter } from '../../engine/mailbox-id.ts';
import type { CloseName } from '../../protocol/closes.ts';
import type { Window } from './window.ts';

/** An envelope on which a client has closed this often with 1009 becomes a dead letter. */
export const TOO_BIG_MAX = 3;
const TOO_BIG = 1009;

/** How a socket ended. */
export interface SocketEnd {
  /** Why the relay closed it; null if it did not. */
  readonly closedBy: CloseName | null;
  /** What the client closed with; 1006 if the connection was lost. */
  readonly code: number;
}

export interface PushedSoFar {
  readonly window: Pick<Window, 'oldest' | 'largest' | 'has'>;
  readonly cursor: MailboxId | null;
  /** A part of what was pushed has not left this node. */
  readonly buffered: boolean;
}

/**
 * What the store should note at the end of a session for the next one: the envelope that it ended on. Undefined leaves
 * what is noted. Only ends that the client brought about count as tries; after a drain, a takeover or an outage
 * nothing is known of the envelope. A missing pong is no try either, since the envelope may never have arrived; it is
 * counted by itself.
 */
export function unconfirmedAt(
  { closedBy, code }: SocketEnd,
  { window, cursor, buffered }: PushedSoFar,
  before: Unconfirmed | null,
): Unconfirmed | null | undefined {
  if (closedBy !== null && closedBy !== 'goingAway') return undefined;
  const tooBig = closedBy === null && code === TOO_BIG;
  const confirmed =
    before === null || (cursor !== null && !isAfter(before.id, cursor) && !window.has(before.id));
  // Another end in between does not begin the count of an envelope that is too big anew.
  if (!confirmed && !tooBig && before.tooBig > 0) return undefined;
  const id = tooBig ? window.largest : window.oldest;
  if (id === null) return before !== null && confirmed ? null : undefined;
  const { tries, tooBig: closes, timeouts } = before?.id === id ? before : NEVER;
  const isTry = closedBy === null && !buffered;
  return {
    id,
    tries: tries + (isTry ? 1 : 0),
    tooBig: closes + (tooBig ? 1 : 0),
    timeouts: timeouts + (closedBy === null ? 0 : 1),
  };
}

const NEVER = { tries: 0, tooBig: 0, timeouts: 0 };

/** An envelope on which a client ends this often is given to it alone. */
const TRIES_TOGETHER_MAX = 3;

/** Whether the next session begins slowly: the client may be slow, or die on this very envelope. */
export function beginsSlowly(unconfirmed: Unconfirmed | null): boolean {
  return unconfirmed !== null && (unconfirmed.timeouts > 0 || unconfirmed.tries >= TRIES_TOGETHER_MAX);
}
