import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, bytesToNumberLE, concatBytes, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';

/**
 * Signatures that no honest signer makes: with points of small order mixed in.
 * All scalars are numbers modulo the order L of the base point, all points are encoded as RFC 8032 says.
 */
export const { Point } = ed25519;
export type EdPoint = InstanceType<typeof Point>;
export const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;

/** The eight points of small order: multiples of one of order 8. */
export const SMALL_ORDER_POINTS: readonly EdPoint[] = multiplesOf(pointOfOrder8());

function pointOfOrder8(): EdPoint {
  for (let y = 2n; ; y++) {
    try {
      // Whatever has no part of small order disappears; L itself is no valid scalar, so one step is made by hand.
      const point = Point.fromBytes(numberToBytesLE(y, 32));
      const small = point.multiplyUnsafe(L - 1n).add(point);
      if (!small.multiplyUnsafe(4n).is0()) return small;
    } catch {
      // No point has this y.
    }
  }
}

function multiplesOf(point: EdPoint): EdPoint[] {
  const multiples = [Point.ZERO];
  while (multiples.length < 8) multiples.push((multiples.at(-1) ?? Point.ZERO).add(point));
  return multiples;
}

/** Every other way to write a point of small order: y + p where it fits 255 bits, and x = 0 with its sign bit set. */
export function nonCanonicalSmallOrder(): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const sign of [0n, 1n << 255n]) {
    for (const y of [0n, 1n]) found.push(numberToBytesLE(y + P + sign, 32));
  }
  found.push(numberToBytesLE(1n + (1n << 255n), 32), numberToBytesLE(P - 1n + (1n << 255n), 32));
  return found;
}

/** Points that are not of small order, written with y + p: those whose y is below 19. */
export function nonCanonicalPoints(): { canonical: Uint8Array; other: Uint8Array }[] {
  const found = [];
  for (let y = 2n; y < 19n; y++) {
    const canonical = numberToBytesLE(y, 32);
    try {
      Point.fromBytes(canonical);
      found.push({ canonical, other: numberToBytesLE(y + P, 32) });
    } catch {
      // No point has this y.
    }
  }
  return found;
}

export interface Crafted {
  readonly publicKey: string;
  readonly message: Uint8Array;
  readonly signature: string;
}

/** k of RFC 8032, 5.1.7: what binds R, the key and the message together. */
export function challengeOf(r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return Point.Fn.create(bytesToNumberLE(sha512(concatBytes(r, publicKey, message))));
}

/**
 * Signs with R = rB + `rTwist` under the key A = aB + `aTwist`: S = r + k·a. Valid for a verifier that multiplies by
 * the cofactor; for one that does not, only if the small parts cancel out.
 */
export function signWithTwists(options: {
  readonly a: bigint;
  readonly r: bigint;
  readonly aTwist: EdPoint;
  readonly rTwist: EdPoint;
  readonly message: Uint8Array;
}): Crafted {
  const { a, r, aTwist, rTwist, message } = options;
  const publicKey = Point.BASE.multiplyUnsafe(a).add(aTwist).toBytes();
  const rBytes = Point.BASE.multiplyUnsafe(r).add(rTwist).toBytes();
  const s = Point.Fn.add(r, Point.Fn.mul(challengeOf(rBytes, publicKey, message), a));
  return {
    publicKey: bytesToHex(publicKey),
    message,
    signature: bytesToHex(concatBytes(rBytes, numberToBytesLE(s, 32))),
  };
}
