import { utf8ToBytes } from '@noble/hashes/utils.js';
import { ClientError } from '../errors.ts';
import type { Json } from '../sending/json.ts';
import { type MessageExtras, writeExtras } from '../sending/message-extras.ts';
import { plaintextBytesMax } from '../sending/padding.ts';

/** What stands around the body in the plaintext, in bytes, at most. */
const PLAINTEXT_BESIDES = 256;

/** Largest body, as UTF-8 of its JSON, that fits into a frame of so many bytes. */
export function bodyBytesMax(maxFrameBytes: number): number {
  return Math.max(0, plaintextBytesMax(maxFrameBytes) - PLAINTEXT_BESIDES);
}

/** Throws `too_large` if the message does not fit. */
export function requireFits(body: Json, extras: MessageExtras, maxFrameBytes: number): void {
  const besides = utf8ToBytes(JSON.stringify(writeExtras(extras))).length - 2;
  const bytes = utf8ToBytes(JSON.stringify(body)).length;
  const bytesMax = bodyBytesMax(maxFrameBytes) - besides;
  if (bytes <= bytesMax) return;
  throw new ClientError(
    'too_large',
    `The message is ${bytes} bytes of JSON, and this relay takes ${bytesMax}: send it in parts, or as a file.`,
  );
}
