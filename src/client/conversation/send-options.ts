import type { MessageExtras } from '../sending/message-extras.ts';

/** Files go by `sendFile`. */
export interface SendOptions extends Omit<MessageExtras, 'file'> {
  readonly signal?: AbortSignal;
}
