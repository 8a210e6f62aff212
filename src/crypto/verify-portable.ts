import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, concatBytes, equalBytes, hexToBytes } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { SIGNATURE_HEX_DIGITS } from '../protocol/exchange-key.ts';
import { checkEd25519Key } from './keys.ts';

const { Point } = ed25519;
const SIGNATURE_IN_HEX = new RegExp(`^[0-9a-fA-F]{${SIGNATURE_HEX_DIGITS}}$`);
const R_BYTES = 32;

/**
 * Says of every signature what `verifySignature` says, without native code: for browsers, and 50 times slower.
 *
 * Written out, because `ed25519.verify(…, { zip215: false })` accepts more: it multiplies the equation by the
 * cofactor and lets R be of small order, as RFC 8032 (5.1.7) allows. libsodium, Go and OpenSSL compare S·B - k·A
 * with R byte for byte, as it allows too. They differ only on signatures that the key's owner has crafted, but
 * the relay and the client should never differ at all, so both ask for what every verifier accepts.
 */
export function verifySignaturePortable(
  publicKeyHex: string,
  message: Uint8Array,
  signatureHex: string,
): boolean {
  if (!SIGNATURE_IN_HEX.test(signatureHex) || checkEd25519Key(publicKeyHex) !== null) return false;
  const signature = hexToBytes(signatureHex);
  const publicKey = hexToBytes(publicKeyHex);
  const r = signature.subarray(0, R_BYTES);
  const s = bytesToNumberLE(signature.subarray(R_BYTES));
  if (s >= Point.Fn.ORDER) return false;
  const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(r, publicKey, message))));
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(publicKey, false).multiplyUnsafe(k));
  return !expected.isSmallOrder() && equalBytes(expected.toBytes(), r);
}
