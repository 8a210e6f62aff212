import type { MessageExtras } from '../sending/message-extras.ts';

export interface SendOptions extends MessageExtras {
  readonly signal?: AbortSignal;
}
