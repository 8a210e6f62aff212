import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';

/** 128 random bits: unique per recipient, as the relay asks of an envelope's `id`. */
export function newEnvelopeId(): string {
  return bytesToHex(randomBytes(16));
}
