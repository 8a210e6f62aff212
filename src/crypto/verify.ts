import sodium from 'sodium-native';
import { KEY_HEX_DIGITS, SIGNATURE_HEX_DIGITS } from '../protocol/exchange-key.ts';

const SIGNATURE_BYTES = SIGNATURE_HEX_DIGITS / 2;

/** An Ed25519 public key, parsed once for each session. */
export interface PublicKey {
  readonly bytes: Uint8Array;
}

/** Throws unless `hex` is 64 hex digits. Whether it is a good key is asked by `checkEd25519Key`, and by every verify. */
export function parsePublicKey(hex: string): PublicKey {
  const bytes = Buffer.from(hex, 'hex');
  if (hex.length !== KEY_HEX_DIGITS || bytes.length !== KEY_HEX_DIGITS / 2) {
    throw new TypeError(
      `an Ed25519 public key is ${KEY_HEX_DIGITS} hex digits, not ${hex.length} characters`,
    );
  }
  return { bytes };
}

/** Verifying is synchronous, so one signature at a time is all that is ever in it. */
const signature = Buffer.alloc(SIGNATURE_BYTES);

/**
 * Whether `signatureHex` (128 hex digits) is the key's signature of `message`. The one expensive step of an envelope.
 */
export function verifySignature(publicKey: PublicKey, message: Uint8Array, signatureHex: string): boolean {
  if (signatureHex.length !== SIGNATURE_HEX_DIGITS) return false;
  if (signature.write(signatureHex, 'hex') !== SIGNATURE_BYTES) return false;
  return sodium.crypto_sign_verify_detached(signature, message, publicKey.bytes);
}
