import type { PlainUser } from '../../test/support/plain/users.ts';

/** How another relay than ours is spoken to. Frames are raw ones of `ws`, so that the clients of all cost about the same. */
export interface Dialect {
  path(user: PlainUser): string;
  session(user: PlainUser): Session;
  /** Around a signed frame. */
  wrap(
    frame: string,
    envelope: { readonly sender: string; readonly recipient: string; readonly id: string },
  ): string;
}

/** One connection, from the client's side. */
export interface Session {
  /** Sent when the socket is open. */
  readonly hello: string | null;
  /** @throws Error if the server refuses */
  receive(data: Buffer): Received;
}

export interface Received {
  /** To be sent at once. */
  readonly answer: string | null;
  /** Envelopes, and what else may tell of an error. */
  readonly messages: readonly Buffer[];
  /** Logged in: from now on envelopes come. */
  readonly ready: boolean;
}
