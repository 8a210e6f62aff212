/** 32 bytes, as all keys here. */
export const KEY_HEX_DIGITS = 64;
/** Ed25519. */
export const SIGNATURE_HEX_DIGITS = 128;

const KEY_IN_HEX = new RegExp(`^[0-9a-f]{${KEY_HEX_DIGITS}}$`);
/** 2^255 - 19 without its first byte, ed, as X25519 writes it: least byte first. */
const PRIME_TAIL = `${'ff'.repeat(30)}7f`;

/**
 * X25519 public keys of small order in canonical form, least byte first: 0, 1, the two of order 8, and -1. With any of
 * them the shared secret is zero for every other key (RFC 7748, section 6.1).
 */
export const SMALL_ORDER_X25519 = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
] as const;

/**
 * Null if `hex` (either case) is a canonical X25519 public key not of small order, otherwise what is wrong with it.
 * Does not check whether it lies on the curve or on its twist: X25519 is safe on both, and the check costs a square root.
 */
export function exchangeKeyProblem(hex: string): string | null {
  const key = hex.toLowerCase();
  if (!KEY_IN_HEX.test(key)) return `must be ${KEY_HEX_DIGITS} hex digits (32 bytes)`;
  if (key.endsWith(PRIME_TAIL) ? key.slice(0, 2) >= 'ed' : key.slice(62) >= '80') {
    return 'is not canonical: the number must be less than 2^255 - 19';
  }
  if (SMALL_ORDER_X25519.some((small) => small === key)) {
    return 'is of small order: everybody could compute the shared secret';
  }
  return null;
}
