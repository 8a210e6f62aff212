import { createHash, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bytesToHex, hexToBytes } from '@noble/curves/utils.js';
import { describe, expect, it } from 'vitest';
import { deriveKeys, type Party, safetyNumber, sharedSecret } from '../../../src/crypto/kdf.ts';
import { SMALL_ORDER_X25519 } from '../../../src/protocol/exchange-key.ts';

interface PartyVector {
  code: string;
  eddsa_public_key: string;
  ecdh_secret_key: string;
  ecdh_public_key: string;
}
interface ExchangeVector {
  initiator: PartyVector;
  responder: PartyVector;
  shared_secret: string;
  info: string;
  initiator_to_responder: string;
  responder_to_initiator: string;
}
interface SafetyVector {
  one: { code: string; eddsa_public_key: string };
  other: { code: string; eddsa_public_key: string };
  sha512: string;
  safety_number: string[];
}

function vectors<T>(file: string): T[] {
  const where = path.resolve(import.meta.dirname, '../../../docs/vectors', file);
  return (JSON.parse(readFileSync(where, 'utf8')) as { vectors: T[] }).vectors;
}

function party(vector: PartyVector): Party {
  return {
    code: vector.code,
    eddsaPublicKey: hexToBytes(vector.eddsa_public_key),
    ecdhPublicKey: hexToBytes(vector.ecdh_public_key),
  };
}

const EXCHANGES = vectors<ExchangeVector>('key-exchange.json');
const SAFETY_NUMBERS = vectors<SafetyVector>('safety-number.json');

describe('the keys of an exchange', () => {
  it.each(EXCHANGES)(
    'are those of docs/vectors, on both sides: $initiator.code to $responder.code',
    (vector) => {
      const initiator = party(vector.initiator);
      const responder = party(vector.responder);
      const secret = sharedSecret(hexToBytes(vector.initiator.ecdh_secret_key), responder.ecdhPublicKey);
      expect(bytesToHex(secret)).toBe(vector.shared_secret);
      expect(sharedSecret(hexToBytes(vector.responder.ecdh_secret_key), initiator.ecdhPublicKey)).toEqual(
        secret,
      );
      const keys = deriveKeys({ secret, initiator, responder });
      expect(bytesToHex(keys.initiatorToResponder)).toBe(vector.initiator_to_responder);
      expect(bytesToHex(keys.responderToInitiator)).toBe(vector.responder_to_initiator);
    },
  );

  it.each(EXCHANGES)("are what Node's own HKDF makes of the info: $initiator.code", (vector) => {
    const salt = new Uint8Array(32);
    const secret = hexToBytes(vector.shared_secret);
    const keys = Buffer.from(hkdfSync('sha256', secret, salt, hexToBytes(vector.info), 64)).toString('hex');
    expect(keys).toBe(vector.initiator_to_responder + vector.responder_to_initiator);
    const { initiator, responder } = vector;
    const text = Buffer.from(`keyrelay/kx/1\0${initiator.code}${responder.code}`).toString('hex');
    const keysInfo =
      initiator.eddsa_public_key +
      responder.eddsa_public_key +
      initiator.ecdh_public_key +
      responder.ecdh_public_key;
    expect(vector.info).toBe(text + keysInfo);
  });

  it('differ if any part of either identity differs, and by direction', () => {
    const [vector] = EXCHANGES;
    if (vector === undefined) throw new Error('no vectors');
    const initiator = party(vector.initiator);
    const responder = party(vector.responder);
    const secret = hexToBytes(vector.shared_secret);
    const other = new Uint8Array(32).fill(1);
    const variants = [
      { initiator, responder },
      { initiator: responder, responder: initiator },
      { initiator: { ...initiator, code: 'A11CE01' }, responder },
      { initiator: { ...initiator, eddsaPublicKey: other }, responder },
      { initiator: { ...initiator, ecdhPublicKey: other }, responder },
      { initiator, responder: { ...responder, code: 'B0B0001' } },
      { initiator, responder: { ...responder, eddsaPublicKey: other } },
      { initiator, responder: { ...responder, ecdhPublicKey: other } },
    ].map((parties) => deriveKeys({ secret, ...parties }));
    const all = variants.flatMap((keys) => [keys.initiatorToResponder, keys.responderToInitiator]);
    expect(new Set(all.map(bytesToHex)).size).toBe(16);
  });

  it.each(SMALL_ORDER_X25519)('are never derived with a key of small order: %s', (small) => {
    expect(() => sharedSecret(new Uint8Array(32).fill(9), hexToBytes(small))).toThrow();
  });

  it('are never derived from a zero secret', () => {
    const [vector] = EXCHANGES;
    if (vector === undefined) throw new Error('no vectors');
    const exchange = { initiator: party(vector.initiator), responder: party(vector.responder) };
    expect(() => deriveKeys({ secret: new Uint8Array(32), ...exchange })).toThrow('small order');
    expect(() => deriveKeys({ secret: new Uint8Array(31).fill(1), ...exchange })).toThrow('32 bytes');
  });

  it("start from the secret that Node's own X25519 computes", () => {
    const mine = generateKeyPairSync('x25519');
    const theirs = generateKeyPairSync('x25519');
    const secretKey = mine.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
    const publicKey = theirs.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const expected = diffieHellman({ privateKey: mine.privateKey, publicKey: theirs.publicKey });
    expect(Buffer.from(sharedSecret(secretKey, publicKey))).toEqual(expected);
  });
});

describe('the safety number', () => {
  it.each(SAFETY_NUMBERS)(
    'is that of docs/vectors, from either side: $one.code and $other.code',
    (vector) => {
      const one = { code: vector.one.code, eddsaPublicKey: hexToBytes(vector.one.eddsa_public_key) };
      const other = { code: vector.other.code, eddsaPublicKey: hexToBytes(vector.other.eddsa_public_key) };
      expect(safetyNumber(one, other)).toEqual(vector.safety_number);
      expect(safetyNumber(other, one)).toEqual(vector.safety_number);
    },
  );

  it.each(SAFETY_NUMBERS)('comes from the digest that Node computes: $one.code', (vector) => {
    const sides = [vector.one, vector.other].sort((a, b) => (a.code < b.code ? -1 : 1));
    const hash = createHash('sha512').update('keyrelay/sn/1');
    for (const side of sides) hash.update(side.code).update(side.eddsa_public_key, 'hex');
    const digest = hash.digest();
    expect(digest.toString('hex')).toBe(vector.sha512);
    const groups = vector.safety_number.map((_, group) => digest.readUIntBE(group * 5, 5) % 100_000);
    expect(groups).toEqual(vector.safety_number.map(Number));
  });

  it('differs for another key or another code', () => {
    const one = { code: 'A11CE00', eddsaPublicKey: new Uint8Array(32).fill(1) };
    const other = { code: 'B0B0000', eddsaPublicKey: new Uint8Array(32).fill(2) };
    const numbers = [
      safetyNumber(one, other),
      safetyNumber({ ...one, code: 'A11CE01' }, other),
      safetyNumber({ ...one, eddsaPublicKey: new Uint8Array(32).fill(3) }, other),
      safetyNumber({ ...one, code: other.code }, { ...other, code: one.code }),
    ];
    expect(new Set(numbers.map((groups) => groups.join(' '))).size).toBe(4);
    for (const groups of numbers) {
      expect(groups).toHaveLength(12);
      for (const group of groups) expect(group).toMatch(/^[0-9]{5}$/);
    }
  });
});
