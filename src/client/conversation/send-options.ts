import type { MessageExtras } from '../sending/message-extras.ts';

/** Files go by `sendFile`, timers by `setTimer`. */
export interface SendOptions extends Omit<MessageExtras, 'file' | 'timer'> {
  readonly signal?: AbortSignal;
}
