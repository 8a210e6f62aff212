import { bytesToNumberLE, equalBytes } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js';
import { SIGNATURE_HEX_DIGITS } from '../protocol/exchange-key.ts';
import { GROUP_ORDER, Point } from './ed25519.ts';
import { checkEd25519Key } from './keys.ts';

const SIGNATURE_IN_HEX = new RegExp(`^[0-9a-fA-F]{${SIGNATURE_HEX_DIGITS}}$`);
const R_BYTES = 32;

/**
 * Gives the same result as `verifySignature` for every signature, without native code: for browsers, and 50 times slower.
 *
 * Written out, because the library's own strict `verify` accepts more: it multiplies the equation by the
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
  if (s >= GROUP_ORDER) return false;
  const k = bytesToNumberLE(sha512(concatBytes(r, publicKey, message))) % GROUP_ORDER;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(publicKey, false).multiplyUnsafe(k));
  return !expected.isSmallOrder() && equalBytes(expected.toBytes(), r);
}
