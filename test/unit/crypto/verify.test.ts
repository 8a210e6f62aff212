import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, hexToBytes, numberToBytesLE } from '@noble/curves/utils.js';
import { describe, expect, it } from 'vitest';
import { awsLc, libsodium } from '../../../src/crypto/verifier.ts';
import { parsePublicKey, verifySignature } from '../../../src/crypto/verify.ts';
import { verifySignaturePortable } from '../../../src/crypto/verify-portable.ts';
import { foreignVectors } from '../../support/keys/foreign-vectors.ts';
import {
  type Crafted,
  challengeOf,
  L,
  nonCanonicalPoints,
  nonCanonicalSmallOrder,
  Point,
  SMALL_ORDER_POINTS,
  signWithTwists,
} from '../../support/keys/torsion.ts';

const ZERO_S = '00'.repeat(32);
const TEXT = Buffer.from('{"sender":"A11CE00","message":{"type":"connect"}}');

/** What the relay's libraries say. AWS-LC is there where `npm run build:verify` has run, as in CI. */
function relayVerdict({ publicKey, message, signature }: Crafted): boolean {
  const libraries = awsLc === null ? [libsodium] : [libsodium, awsLc];
  const key = parsePublicKey(publicKey);
  const said = new Set(libraries.map((by) => verifySignature(key, message, signature, by)));
  expect(said.size, 'what the libraries say').toBe(1);
  return said.has(true);
}

/** What the relay's verifier, the portable one, and noble's strict mode say. */
function verdicts({ publicKey, message, signature }: Crafted) {
  return {
    relay: relayVerdict({ publicKey, message, signature }),
    portable: verifySignaturePortable(publicKey, message, signature),
    noble: nobleStrict({ publicKey, message, signature }),
  };
}

function nobleStrict({ publicKey, message, signature }: Crafted): boolean {
  if (signature.length !== 128) return false;
  return ed25519.verify(hexToBytes(signature), message, hexToBytes(publicKey), { zip215: false });
}

function nodeVerify({ publicKey, message, signature }: Crafted): boolean {
  const x = Buffer.from(publicKey, 'hex').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, message, key, Buffer.from(signature, 'hex'));
}

const ALL_ACCEPT = { relay: true, portable: true, noble: true };
const ALL_REFUSE = { relay: false, portable: false, noble: false };
/**
 * The one difference, and it is wanted. noble multiplies the equation by the cofactor and allows an R of small order
 * (RFC 8032, 5.1.7, lets it); libsodium does neither. What libsodium accepts noble accepts too, as do Go and OpenSSL,
 * so nothing that the relay hands on is refused by a strict client. What only noble accepts, only the owner of the
 * key can make, on purpose: no honest signature is refused.
 */
const ONLY_NOBLE_ACCEPTS = { relay: false, portable: false, noble: true };

function honest(message: Uint8Array): Crafted {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    publicKey: raw.toString('hex'),
    message,
    signature: sign(null, message, privateKey).toString('hex'),
  };
}

function flipBit(hex: string, bit: number): string {
  const bytes = Buffer.from(hex, 'hex');
  const at = bit % (bytes.length * 8);
  bytes.writeUInt8(bytes.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
  return bytes.toString('hex');
}

describe('honest signatures', () => {
  it('verify for messages from 0 bytes to 64 KB, by every verifier', () => {
    for (const bytes of [0, 1, 63, 64, 127, 400, 65_536]) {
      expect(verdicts(honest(randomBytes(bytes))), `${bytes} bytes`).toEqual(ALL_ACCEPT);
    }
  });

  it('verify in either case of hex', () => {
    const made = honest(TEXT);
    expect(verdicts({ ...made, signature: made.signature.toUpperCase() })).toEqual(ALL_ACCEPT);
  });

  it('fail with one bit changed anywhere, by every verifier', () => {
    const made = honest(TEXT);
    for (let bit = 0; bit < 512; bit += 7) {
      expect(verdicts({ ...made, signature: flipBit(made.signature, bit) }), `bit ${bit}`).toEqual(
        ALL_REFUSE,
      );
    }
    for (let bit = 0; bit < TEXT.length * 8; bit += 37) {
      const message = Buffer.from(flipBit(TEXT.toString('hex'), bit), 'hex');
      expect(verdicts({ ...made, message }), `bit ${bit} of the message`).toEqual(ALL_REFUSE);
    }
  });

  it('fail under another key', () => {
    expect(verdicts({ ...honest(TEXT), publicKey: honest(TEXT).publicKey })).toEqual(ALL_REFUSE);
  });
});

describe('a malformed signature', () => {
  const { publicKey, signature } = honest(TEXT);

  it.each([
    ['nothing', ''],
    ['63 bytes', signature.slice(2)],
    ['65 bytes', `${signature}00`],
    ['half a byte more', `${signature}0`],
    ['a letter that is no hex digit', `${signature.slice(0, 127)}g`],
    ['no hex from the start', 'zz'.repeat(64)],
    ['64 bytes and a line feed', `${signature}\n`],
    ['letters of two bytes', `${signature.slice(0, 126)}éé`],
  ])('is refused: %s', (_, hex) => {
    expect(verifySignature(parsePublicKey(publicKey), TEXT, hex)).toBe(false);
    expect(verifySignaturePortable(publicKey, TEXT, hex)).toBe(false);
  });

  it('leaves nothing behind for the next verify: a short one after a valid one', () => {
    expect(verifySignature(parsePublicKey(publicKey), TEXT, signature)).toBe(true);
    expect(verifySignature(parsePublicKey(publicKey), TEXT, signature.slice(0, 64))).toBe(false);
    expect(
      verifySignature(parsePublicKey(publicKey), TEXT, `${signature.slice(0, 64)}${'zz'.repeat(32)}`),
    ).toBe(false);
  });
});

describe('an S that is not canonical', () => {
  it('is refused: S + L is the same number to a lax verifier', () => {
    const made = honest(TEXT);
    const s = Buffer.from(made.signature.slice(64), 'hex').reverse();
    const other = bytesToHex(numberToBytesLE(BigInt(`0x${s.toString('hex')}`) + L, 32));
    expect(verdicts({ ...made, signature: made.signature.slice(0, 64) + other })).toEqual(ALL_REFUSE);
  });

  it.each([
    ['L', L],
    ['2^255 - 1', 2n ** 255n - 1n],
    ['2^256 - 1', 2n ** 256n - 1n],
  ])('is refused: %s', (_, s) => {
    const made = honest(TEXT);
    const signature = made.signature.slice(0, 64) + bytesToHex(numberToBytesLE(s, 32));
    expect(verdicts({ ...made, signature })).toEqual(ALL_REFUSE);
  });
});

describe('keys of small order', () => {
  const keys = SMALL_ORDER_POINTS.map((point) => bytesToHex(point.toBytes()));

  it('are refused with every R of small order and S = 0, which Node before 24 accepts for any message', () => {
    expect(new Set(keys).size).toBe(8);
    let acceptedByNode = 0;
    for (const publicKey of keys) {
      for (const r of keys) {
        const made = { publicKey, message: TEXT, signature: r + ZERO_S };
        expect(verdicts(made)).toEqual(ALL_REFUSE);
        if (nodeVerify(made)) acceptedByNode++;
      }
    }
    // OpenSSL 3.0, of Node 20 and 22, accepts them; 3.5, of Node 24, does not any more.
    const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
    expect(acceptedByNode > 0).toBe(major === 3 && minor < 5);
  });

  it('are refused in every encoding', () => {
    for (const other of nonCanonicalSmallOrder()) {
      for (const r of keys) {
        const made = { publicKey: bytesToHex(other), message: TEXT, signature: r + ZERO_S };
        expect(verdicts(made)).toEqual(ALL_REFUSE);
      }
    }
  });
});

describe('points that are not canonical', () => {
  it('are refused as key and as R', () => {
    const pairs = nonCanonicalPoints();
    expect(pairs.length).toBeGreaterThan(0);
    const made = honest(TEXT);
    for (const { other } of pairs) {
      const hex = bytesToHex(other);
      expect(verdicts({ ...made, publicKey: hex })).toEqual(ALL_REFUSE);
      expect(verdicts({ ...made, signature: hex + made.signature.slice(64) })).toEqual(ALL_REFUSE);
    }
  });

  it('are refused as R even if S matches: y + p instead of y', () => {
    // With the key's secret, S can be made to fit whatever bytes stand for R: only R's form is wrong here.
    const a = 7n;
    const publicKey = Point.BASE.multiplyUnsafe(a).toBytes();
    for (const r of nonCanonicalSmallOrder()) {
      const s = Point.Fn.mul(challengeOf(r, publicKey, TEXT), a);
      const signature = bytesToHex(r) + bytesToHex(numberToBytesLE(s, 32));
      expect(verdicts({ publicKey: bytesToHex(publicKey), message: TEXT, signature })).toEqual(ALL_REFUSE);
    }
  });
});

describe('a signature that only the owner of the key can craft', () => {
  const small = SMALL_ORDER_POINTS.slice(1);
  const a = 1_234_567n;

  it('an R of small order: refused by the relay, not by noble', () => {
    for (const rTwist of SMALL_ORDER_POINTS) {
      const made = signWithTwists({ a, r: 0n, aTwist: Point.ZERO, rTwist, message: TEXT });
      expect(verdicts(made)).toEqual(ONLY_NOBLE_ACCEPTS);
    }
  });

  it('an R with a part of small order: refused by the relay, not by noble', () => {
    for (const rTwist of small) {
      const made = signWithTwists({ a, r: 99n, aTwist: Point.ZERO, rTwist, message: TEXT });
      expect(verdicts(made)).toEqual(ONLY_NOBLE_ACCEPTS);
      expect(nodeVerify(made)).toBe(false);
    }
  });

  it('a key with a part of small order: accepted exactly where that part cancels out, and then by all', () => {
    const seen = { all: 0, noble: 0 };
    for (const aTwist of small) {
      for (let number = 0; number < 12; number++) {
        const message = Buffer.from(`{"n":${number}}`);
        const made = signWithTwists({ a, r: 99n, aTwist, rTwist: Point.ZERO, message });
        const k = challengeOf(hexToBytes(made.signature.slice(0, 64)), hexToBytes(made.publicKey), message);
        const cancels = aTwist.multiplyUnsafe(k % 8n).is0();
        expect(verdicts(made)).toEqual(cancels ? ALL_ACCEPT : ONLY_NOBLE_ACCEPTS);
        seen[cancels ? 'all' : 'noble']++;
      }
    }
    expect(seen.all).toBeGreaterThan(0);
    expect(seen.noble).toBeGreaterThan(0);
  });
});

it('parses a key, and refuses anything else', () => {
  expect(parsePublicKey('AB'.repeat(32))).toEqual(parsePublicKey('ab'.repeat(32)));
  for (const wrong of ['', 'ab', 'ab'.repeat(33), 'zz'.repeat(32), `${'ab'.repeat(31)}zz`]) {
    expect(() => parsePublicKey(wrong)).toThrow('64 hex digits');
  }
});

interface Wycheproof {
  numberOfTests: number;
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
  }[];
}

const wycheproof = foreignVectors('ed25519_wycheproof.json') as Wycheproof | null;
describe.runIf(wycheproof !== null)('Project Wycheproof', () => {
  const cases = (wycheproof?.testGroups ?? []).flatMap(({ publicKey, tests }) =>
    tests.map((test) => ({ ...test, publicKey: publicKey.pk })),
  );

  it(`agrees on all ${cases.length} Ed25519 cases`, () => {
    expect(cases).toHaveLength(wycheproof?.numberOfTests ?? 0);
    for (const { tcId, comment, publicKey, msg, sig, result } of cases) {
      const made = { publicKey, message: Buffer.from(msg, 'hex'), signature: sig };
      const expected = result === 'valid' ? ALL_ACCEPT : ALL_REFUSE;
      expect(verdicts(made), `tcId ${tcId}: ${comment}`).toEqual(expected);
    }
  });
});

type Speccheck = { message: string; pub_key: string; signature: string }[];

/** What each of the twelve is about, by "Taming the many EdDSAs" (https://eprint.iacr.org/2020/1244), table 5. */
const SPECCHECK: [about: string, expected: Record<string, boolean>][] = [
  ['small A, small R, S = 0', ALL_REFUSE],
  ['small A, mixed R', ALL_REFUSE],
  ['mixed A, small R', ONLY_NOBLE_ACCEPTS],
  ['mixed A and R whose small parts cancel out', ALL_ACCEPT],
  ['mixed A and R, valid only times the cofactor', ONLY_NOBLE_ACCEPTS],
  ['mixed A, valid only times the cofactor', ONLY_NOBLE_ACCEPTS],
  ['S above L', ALL_REFUSE],
  ['S far above L', ALL_REFUSE],
  ['R not canonical, reduced before hashing', ALL_REFUSE],
  ['R not canonical, hashed as it is', ALL_REFUSE],
  ['small A not canonical, reduced before hashing', ALL_REFUSE],
  ['small A not canonical, hashed as it is', ALL_REFUSE],
];

const speccheck = foreignVectors('ed25519_speccheck.json') as Speccheck | null;
describe.runIf(speccheck !== null)('the speccheck set', () => {
  it(`has the ${SPECCHECK.length} cases expected`, () => expect(speccheck).toHaveLength(SPECCHECK.length));

  it.each(SPECCHECK.map(([about, expected], number) => ({ number, about, expected })))(
    '$number: $about',
    ({ number, expected }) => {
      const { message, pub_key, signature } = (speccheck ?? [])[number] ?? {
        message: '',
        pub_key: '',
        signature: '',
      };
      expect(verdicts({ publicKey: pub_key, message: Buffer.from(message, 'hex'), signature })).toEqual(
        expected,
      );
    },
  );
});
