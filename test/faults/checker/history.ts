/**
 * What plain clients know of a run: nothing of the relay's inside, only what they sent, what the relay answered,
 * and what arrived. Times are monotonic milliseconds of one process, which holds all clients.
 */

/**
 * - `accepted`: `accepted` came, or, without an `id`, no error by the time that a later envelope was accepted
 * - `refused`: an error came that says "not stored"
 * - `unknown`: the connection died first, or the relay said `unavailable`
 */
type SendOutcome = 'accepted' | 'refused' | 'unknown';

/** One envelope of a client, over all attempts to send it. Unique by sender, recipient and number. */
export interface SentEnvelope {
  readonly sender: string;
  readonly recipient: string;
  /** Counts up from 0 per sender and recipient. */
  readonly number: number;
  /** Of the whole frame, as it was sent and must arrive. */
  readonly digest: string;
  readonly sentAtMs: number;
  outcome: SendOutcome;
  /** When the relay answered; null while the outcome is unknown. */
  settledAtMs: number | null;
  /**
   * The order of sending, counted per sender: the first and the last attempt that may have stored it. An attempt
   * that was refused does not count. One that never may have been stored has `NEVER`.
   */
  firstPosition: number;
  lastPosition: number;
}

export const NEVER = -1;

/** One envelope as it came in on one connection. */
export interface Arrival {
  /** The user that received it: `recipient`, if all is well. */
  readonly receiver: string;
  /** Counts up over all connections of the run, in the order of opening. */
  readonly connection: number;
  /** As the envelope says; empty if it cannot be read. */
  readonly sender: string;
  readonly recipient: string;
  readonly number: number;
  readonly digest: string;
  /** The mailbox id, which protocol 2 tells; null in protocol 1. */
  readonly seq: string | null;
  readonly atMs: number;
}

export interface Connected {
  readonly user: string;
  readonly connection: number;
  readonly openedAtMs: number;
  /** Null while it is open. */
  closedAtMs: number | null;
  closeCode: number | null;
}

export interface History {
  /** In the order of first sending, per sender. */
  readonly sent: readonly SentEnvelope[];
  /** In the order of arriving, per receiver. */
  readonly arrivals: readonly Arrival[];
  readonly connections: readonly Connected[];
}
