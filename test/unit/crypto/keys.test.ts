import { randomBytes } from 'node:crypto';
import { ed25519, x25519 as reference } from '@noble/curves/ed25519.js';
import { bytesToHex, bytesToNumberLE, hexToBytes, numberToBytesLE } from '@noble/curves/utils.js';
import { describe, expect, it } from 'vitest';
import { getPublicKey, newSigningKey, sign } from '../../../src/crypto/ed25519.ts';
import { checkEd25519Key, checkX25519Key } from '../../../src/crypto/keys.ts';
import { x25519 } from '../../../src/crypto/x25519.ts';
import { exchangeKeyProblem, SMALL_ORDER_X25519 } from '../../../src/protocol/exchange-key.ts';
import { foreignVectors } from '../../support/keys/foreign-vectors.ts';
import {
  nonCanonicalPoints,
  nonCanonicalSmallOrder,
  Point,
  SMALL_ORDER_POINTS,
} from '../../support/keys/torsion.ts';
import { makeKeys } from '../../support/plain/users.ts';

const P = 2n ** 255n - 19n;
const encode = (number: bigint) => bytesToHex(numberToBytesLE(number, 32));

const NOT_HEX: [string, string][] = [
  ['nothing', ''],
  ['31 bytes', 'ab'.repeat(31)],
  ['33 bytes', 'ab'.repeat(33)],
  ['a letter too far', `${'ab'.repeat(31)}ag`],
  ['a line feed behind', `${'ab'.repeat(32)}\n`],
  ['0x before', `0x${'ab'.repeat(31)}`],
];

describe('an Ed25519 key', () => {
  it('is computed, and signs (RFC 8032, 5.1.6), as by the whole library of curves', () => {
    for (const bytes of [0, 1, 63, 64, 127, 400, 65_536]) {
      const [key, message] = [newSigningKey(), randomBytes(bytes)];
      expect(getPublicKey(key)).toEqual(ed25519.getPublicKey(key));
      expect(sign(message, key), `${bytes} bytes`).toEqual(ed25519.sign(message, key));
    }
  });

  it('is accepted as libraries make it, in either case', () => {
    for (let number = 0; number < 20; number++) {
      const { eddsaPublicKey } = makeKeys();
      expect(checkEd25519Key(eddsaPublicKey)).toBeNull();
      expect(checkEd25519Key(eddsaPublicKey.toUpperCase())).toBeNull();
    }
  });

  it.each(NOT_HEX)('must be hex of 32 bytes, not %s', (_, hex) => {
    expect(checkEd25519Key(hex)).toBe('must be 64 hex digits (32 bytes)');
  });

  it('may not be of small order: all eight', () => {
    for (const point of SMALL_ORDER_POINTS) {
      expect(checkEd25519Key(bytesToHex(point.toBytes()))).toContain('of small order');
    }
  });

  it('must be canonical: y below p, and no sign for x = 0', () => {
    for (const { canonical, other } of nonCanonicalPoints()) {
      expect(checkEd25519Key(bytesToHex(canonical))).toBeNull();
      expect(checkEd25519Key(bytesToHex(other))).toContain('is not canonical');
    }
    for (const bytes of nonCanonicalSmallOrder()) {
      expect(checkEd25519Key(bytesToHex(bytes))).toMatch(/is not canonical|is not a point/);
    }
    expect(checkEd25519Key(encode(P))).toContain('is not canonical');
    expect(checkEd25519Key('ff'.repeat(32))).toContain('is not canonical');
  });

  it('must be on the curve: half of all numbers are not', () => {
    let off = 0;
    for (let y = 2n; y < 42n; y++)
      if (checkEd25519Key(encode(y)) === 'is not a point of the curve Ed25519') off++;
    expect(off).toBeGreaterThan(10);
    expect(off).toBeLessThan(30);
  });

  it('may have a part of small order: its signatures are checked without the cofactor', () => {
    for (const twist of SMALL_ORDER_POINTS) {
      expect(checkEd25519Key(bytesToHex(Point.BASE.multiply(7n).add(twist).toBytes()))).toBeNull();
    }
  });
});

describe('an X25519 key', () => {
  it('is computed as the whole library of curves computes it, and so is what two of them share', () => {
    for (let number = 0; number < 20; number++) {
      const [one, other] = [x25519.utils.randomSecretKey(), reference.utils.randomSecretKey()];
      expect(x25519.getPublicKey(one)).toEqual(reference.getPublicKey(one));
      const theirs = reference.getPublicKey(other);
      expect(x25519.getSharedSecret(one, theirs)).toEqual(reference.getSharedSecret(one, theirs));
    }
  });

  it('is accepted as libraries make it, in either case', () => {
    for (let number = 0; number < 20; number++) {
      const { ecdhPublicKey } = makeKeys();
      expect(checkX25519Key(ecdhPublicKey)).toBeNull();
      expect(checkX25519Key(ecdhPublicKey.toUpperCase())).toBeNull();
      expect(exchangeKeyProblem(ecdhPublicKey)).toBeNull();
    }
  });

  it.each(NOT_HEX)('must be hex of 32 bytes, not %s', (_, hex) => {
    expect(checkX25519Key(hex)).toBe('must be 64 hex digits (32 bytes)');
  });

  it.each(SMALL_ORDER_X25519)('may not be of small order: %s', (hex) => {
    expect(exchangeKeyProblem(hex)).toContain('of small order');
    expect(exchangeKeyProblem(hex.toUpperCase())).toContain('of small order');
    expect(checkX25519Key(hex)).toContain('of small order');
    // The list holds what it says: the secret is zero for every peer.
    expect(() => x25519.scalarMult(new Uint8Array(32).fill(7), hexToBytes(hex))).toThrow();
  });

  it('must be canonical: every second way to write a number is refused', () => {
    for (let u = 0n; u < 19n; u++) {
      expect(exchangeKeyProblem(encode(u + P)), `p + ${u}`).toContain('is not canonical');
      expect(exchangeKeyProblem(encode(u + 2n ** 255n)), `2^255 + ${u}`).toContain('is not canonical');
    }
    expect(exchangeKeyProblem('ff'.repeat(32))).toContain('is not canonical');
    expect(exchangeKeyProblem(encode(P - 2n))).toBeNull();
    expect(exchangeKeyProblem(encode(P - 256n))).toBeNull();
  });

  it('must be on the curve itself to be registered: half of all numbers are on its twist', () => {
    let twist = 0;
    for (let u = 2n; u < 42n; u++) {
      expect(exchangeKeyProblem(encode(u))).toBeNull();
      if (checkX25519Key(encode(u)) === 'is not on Curve25519 (but on its twist)') twist++;
    }
    expect(twist).toBeGreaterThan(10);
    expect(twist).toBeLessThan(30);
    expect(checkX25519Key(encode(9n))).toBeNull();
  });
});

interface Wycheproof {
  numberOfTests: number;
  testGroups: {
    tests: {
      tcId: number;
      comment: string;
      public: string;
      private: string;
      shared: string;
      flags: string[];
    }[];
  }[];
}

const wycheproof = foreignVectors('x25519_wycheproof.json') as Wycheproof | null;
describe.runIf(wycheproof !== null)('Project Wycheproof', () => {
  const cases = (wycheproof?.testGroups ?? []).flatMap(({ tests }) => tests);

  it(`agrees on the public keys of all ${cases.length} X25519 cases`, () => {
    expect(cases).toHaveLength(wycheproof?.numberOfTests ?? 0);
    for (const { tcId, comment, flags, public: key } of cases) {
      const answer = checkX25519Key(key);
      const about = `tcId ${tcId}: ${comment} [${flags.join()}] ${answer}`;
      // The set's own flag for this is not on all of them.
      const canonical = bytesToNumberLE(hexToBytes(key)) < P;
      if (flags.includes('NonCanonicalPublic')) expect(canonical, about).toBe(false);
      if (!canonical) expect(answer, about).toContain('is not canonical');
      else if (flags.includes('ZeroSharedSecret')) expect(answer, about).toContain('of small order');
      else if (flags.includes('Twist')) expect(answer, about).toContain('twist');
      else expect(answer, about).toBeNull();
    }
  });

  it('computes the shared secret of every case, unless it is zero', () => {
    for (const { tcId, comment, flags, ...test } of cases) {
      const agree = () =>
        bytesToHex(x25519.getSharedSecret(hexToBytes(test.private), hexToBytes(test.public)));
      if (flags.includes('ZeroSharedSecret')) expect(agree, `tcId ${tcId}: ${comment}`).toThrow();
      else expect(agree(), `tcId ${tcId}: ${comment}`).toBe(test.shared);
    }
  });
});
