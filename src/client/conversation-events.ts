import type { WaitReason } from './commands/relay-reply.ts';
import type { ClientError } from './errors.ts';
import type { FileProgress } from './files/file-progress.ts';

/** Events of a conversation. `id` is what `send` returned. */
export interface ConversationEvents {
  /** Keys have been agreed: messages can be encrypted. */
  readonly secured: object;
  /** The relay does not take the message for now, and says why; the SDK sends it again. */
  readonly waiting: { readonly id: string; readonly why: WaitReason };
  /** The relay has stored the message. */
  readonly stored: { readonly id: string };
  /** The other's program has received it. */
  readonly delivered: { readonly id: string };
  /** The other's program reports that it was read. */
  readonly read: { readonly id: string };
  /** It will not arrive: the relay refused it, or the other client cannot decrypt it. */
  readonly failed: { readonly id: string; readonly error: ClientError };
  /** The relay names a new identity key (hex) for this code: nothing is sent until `acceptChangedKey`. */
  readonly 'key-changed': { readonly pinned: string; readonly offered: string };
  /** So many of the other's messages have not come and were asked for again; those behind them wait for a while. */
  readonly missing: { readonly count: number };
  /** So many of the other's messages are missing before the next one. They may still come, and are then `late`. */
  readonly gap: { readonly missing: number };
  /** A file, of either direction, has moved on. */
  readonly file: FileProgress;
  /** The other has set after how many seconds messages disappear; 0: they do not. */
  readonly timer: { readonly seconds: number };
  /** The other types; said again every few seconds as long as they do. */
  readonly typing: object;
  /** A message from the other could not be decrypted. The sender has been asked to send it again. */
  readonly unreadable: { readonly id: string };
  /** The other offers weaker keys than before, which are refused: see `acceptWeakerKeys`. */
  readonly downgraded: object;
}
