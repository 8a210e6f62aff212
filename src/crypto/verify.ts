import { KEY_HEX_DIGITS, SIGNATURE_HEX_DIGITS } from '../protocol/exchange-key.ts';
import { verifier } from './verifier.ts';

const SIGNATURE_BYTES = SIGNATURE_HEX_DIGITS / 2;

/** An Ed25519 public key, parsed once for each session. */
export interface PublicKey {
  /**
   * The 32 bytes, a character each. Every session holds one. Measured, with its object: 90 bytes as text, 260 as a
   * Buffer of its own, and 8 KB as one cut from Node's pool, which keeps a slab of other people's frames alive.
   */
  readonly raw: string;
}

/** Throws unless `hex` is 64 hex digits. `checkEd25519Key`, and every verify, check whether it is a good key. */
export function parsePublicKey(hex: string): PublicKey {
  const raw = Buffer.from(hex, 'hex').toString('latin1');
  if (hex.length !== KEY_HEX_DIGITS || raw.length !== KEY_HEX_DIGITS / 2) {
    throw new TypeError(
      `an Ed25519 public key is ${KEY_HEX_DIGITS} hex digits, not ${hex.length} characters`,
    );
  }
  return { raw };
}

/** Verifying is synchronous: these hold one signature and one key at a time. */
const signature = Buffer.alloc(SIGNATURE_BYTES);
const key = Buffer.alloc(KEY_HEX_DIGITS / 2);

/**
 * Whether `signatureHex` (128 hex digits) is the key's signature of `message`: the one expensive step of an envelope.
 * Strict, whichever library does it: the key canonical and not of small order, S below L, R canonical and not of small
 * order, and the equation without the cofactor. So whatever is accepted here, RFC 8032 verifiers elsewhere accept.
 * @param by the library that does it
 */
export function verifySignature(
  publicKey: PublicKey,
  message: Uint8Array,
  signatureHex: string,
  by = verifier,
): boolean {
  if (signatureHex.length !== SIGNATURE_HEX_DIGITS) return false;
  if (signature.write(signatureHex, 'hex') !== SIGNATURE_BYTES) return false;
  key.write(publicKey.raw, 'latin1');
  return by.verify(signature, message, key);
}
