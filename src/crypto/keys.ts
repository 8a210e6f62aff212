import { pow } from '@noble/curves/abstract/modular.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { exchangeKeyProblem, KEY_HEX_DIGITS } from '../protocol/exchange-key.ts';
import { FIELD_ORDER, Point } from './ed25519.ts';

const KEY_IN_HEX = new RegExp(`^[0-9a-fA-F]{${KEY_HEX_DIGITS}}$`);

/**
 * Null if `hex` is an acceptable Ed25519 public key, otherwise what is wrong with it. Under a key of small order, some
 * libraries, Node's own among them, accept one constant signature for any message.
 */
export function checkEd25519Key(hex: string): string | null {
  if (!KEY_IN_HEX.test(hex)) return `must be ${KEY_HEX_DIGITS} hex digits (32 bytes)`;
  const bytes = hexToBytes(hex);
  // The number y without the sign of x, which is the top bit (RFC 8032, section 5.1.2).
  const y = bytesToNumberLE(bytes) & ((1n << 255n) - 1n);
  if (y >= FIELD_ORDER) return 'is not canonical: y must be less than 2^255 - 19';
  const point = decodePoint(bytes);
  if (point === null) return 'is not a point of the curve Ed25519';
  if (point.isSmallOrder()) return 'is of small order: one signature would verify for any message';
  return null;
}

/**
 * Null if `hex` is an X25519 public key on Curve25519 itself, otherwise what is wrong with it. No honest key lies on
 * the twist: a public key is a multiple of the base point, which lies on the curve.
 */
export function checkX25519Key(hex: string): string | null {
  const problem = exchangeKeyProblem(hex);
  if (problem !== null) return problem;
  const u = bytesToNumberLE(hexToBytes(hex));
  // v^2 = u^3 + 486662 u^2 + u has a solution if and only if the right side is a square (RFC 7748, section 4.1).
  const square = u * (u * u + 486662n * u + 1n);
  if (pow(square, (FIELD_ORDER - 1n) / 2n, FIELD_ORDER) !== 1n)
    return 'is not on Curve25519 (but on its twist)';
  return null;
}

function decodePoint(bytes: Uint8Array): Point | null {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return null;
  }
}
