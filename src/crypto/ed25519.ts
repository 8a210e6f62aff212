import { getPublicKey, hashes, Point, sign, utils } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

// Without this hash the library could sign only asynchronously, and only in secure contexts.
hashes.sha512 = sha512;

/** For a runtime that has a faster one: signing hashes every byte twice, verifying once. */
export function useSha512(hash: (message: Uint8Array) => Uint8Array<ArrayBuffer>): void {
  hashes.sha512 = hash;
}

/**
 * Ed25519 (RFC 8032) for browsers, Node, and the relay's key checks: `@noble/ed25519`, a third of the size of
 * `@noble/curves`. Tests compare both.
 */
export { getPublicKey, Point, sign };

/** A new private key: 32 bytes of the runtime's random source. */
export function newSigningKey(): Uint8Array {
  return utils.randomSecretKey();
}

const { p, n } = Point.CURVE();
/** Coordinates are numbers modulo this prime, 2^255 - 19: of X25519, too. */
export const FIELD_ORDER = p;
/** Scalars are numbers modulo this prime: how many multiples the base point has. */
export const GROUP_ORDER = n;
