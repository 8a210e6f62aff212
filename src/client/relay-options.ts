import type { Fetch } from './account/directory.ts';
import type { ConnectionState } from './connection/connection.ts';
import type { Conversation } from './conversation/conversation.ts';
import type { Storage } from './storage/storage.ts';
import type { Locks } from './storage/tab-lock.ts';

export interface RelayOptions {
  /** What must survive: memory unless told. One for each identity. */
  readonly storage?: Storage;
  /** Shown to others, unsigned. Only the first registration counts. */
  readonly name?: string;
  /** The runtime's own unless told: Node 20 has none, `ws` does. */
  readonly WebSocket?: unknown;
  readonly fetch?: Fetch;
  /** 1 gives up nonce, audience and acknowledgements; never possible again once 2 was spoken. */
  readonly protocol?: 1 | 2;
  /** The plain flow of protocol 1: exchange the registered key instead of a fresh one. */
  readonly registeredKeys?: boolean;
  /** `navigator.locks`: only one tab holds the socket. */
  readonly locks?: Locks;
  /** Another tab holds it: call the argument to take it over, or wait until that tab closes. */
  readonly onElsewhere?: (takeOver: () => void) => void;
  /** Ends the opening, not what is open. */
  readonly signal?: AbortSignal;
}

export interface RelayEvents {
  readonly state: ConnectionState;
  /** Somebody who was not spoken to before has written. */
  readonly conversation: { readonly conversation: Conversation };
  /** The relay lost so many envelopes to their age before they were fetched. */
  readonly expired: { readonly count: number };
  /** Every frame as it passes, to look at. */
  readonly frame: { readonly direction: 'sent' | 'received'; readonly text: string };
}
