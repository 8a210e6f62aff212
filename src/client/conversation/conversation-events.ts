import type { ClientError } from '../errors.ts';

/** What may happen in a conversation. `id` is what `send` gave. */
export interface ConversationEvents {
  /** Keys have been agreed: from here on messages can be encrypted. */
  readonly secured: object;
  /** The relay has the message. */
  readonly stored: { readonly id: string };
  /** The other's program has it. */
  readonly delivered: { readonly id: string };
  /** The other's program says that it was read. */
  readonly read: { readonly id: string };
  /** It will not arrive: the relay refuses it, or the other cannot read it. */
  readonly failed: { readonly id: string; readonly error: ClientError };
  /** The relay names another identity key for this code: nothing is sent until `acceptChangedKey`. Hex. */
  readonly 'key-changed': { readonly pinned: string; readonly offered: string };
  /** So many messages of the other are missing before the next one: they ran out of time, or were withheld. */
  readonly gap: { readonly missing: number };
  /** A message of the other could not be decrypted; it has been told. */
  readonly unreadable: { readonly id: string };
}
