import type { Fetch } from './account/directory.ts';
import type { ConnectionState } from './connection/connection.ts';
import type { Conversation } from './conversation/conversation.ts';
import type { Storage } from './storage/storage.ts';
import type { Locks } from './storage/tab-lock.ts';

export interface RelayOptions {
  /** Keeps what must survive a restart. Memory by default. Each identity needs its own. */
  readonly storage?: Storage;
  /** Shown to other users, unsigned. Only the first registration sets it. */
  readonly name?: string;
  /** The token of an invitation, for a relay that registers by invitation only. */
  readonly invite?: string;
  /** The runtime's own by default. Node 20 has none: pass that of the package `ws`. */
  readonly WebSocket?: unknown;
  readonly fetch?: Fetch;
  /**
   * False, the default: a sender to whom the user has never written learns nothing, not even that the user is there.
   * Answers and receipts wait until `conversation.accept()`, or until the user writes; until then the other's first message
   * comes, and nothing more. True: the client answers every sender. For bots and other programs without a user who decides.
   */
  readonly answersStrangers?: boolean;
  /** False: no `delivered` and no `read` is ever sent. Default: true. */
  readonly receipts?: boolean;
  /** Whether others learn that the user types, and the user that they do: only where both want it. Default: false. */
  readonly typing?: boolean;
  /** 1 gives up nonce, audience and acknowledgements. Refused once this identity has used 2. */
  readonly protocol?: 1 | 2;
  /** The plain flow of protocol 1: exchange the static, registered key instead of a fresh one. */
  readonly registeredKeys?: boolean;
  /** `navigator.locks`: makes sure that only one tab holds the socket. */
  readonly locks?: Locks;
  /** Called when another tab holds the socket. Call the argument to take over, or wait until that tab closes. */
  readonly onElsewhere?: (takeOver: () => void) => void;
  /** Aborts opening and connecting, not the open connection. */
  readonly signal?: AbortSignal;
}

export interface RelayEvents {
  readonly state: ConnectionState;
  /**
   * A user with whom there was no conversation has written; or a user with whom there was one, from the storage, and the
   * program has not begun to take that conversation's messages. Once for each.
   */
  readonly conversation: { readonly conversation: Conversation };
  /** So many envelopes expired in the mailbox before this client fetched them. */
  readonly expired: { readonly count: number };
  /** Every frame on the socket, for display. */
  readonly frame: { readonly direction: 'sent' | 'received'; readonly text: string };
}
