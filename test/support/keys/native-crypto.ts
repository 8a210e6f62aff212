import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign as nodeSign,
  randomBytes,
} from 'node:crypto';
import { parsePublicKey, verifySignature } from '../../../src/crypto/verify.ts';

/*
 * What the client's own cryptography computes, by native code, for tests that would take minutes otherwise: same input, same
 * output (test/unit/crypto, and the first test of test/unit/client/schedules.test.ts).
 */

const PKCS8 = { ed25519: '302e020100300506032b657004220420', x25519: '302e020100300506032b656e04220420' };
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');

/** In place of `ed25519.ts`. */
export const ed25519 = {
  getPublicKey: (seed: Uint8Array) => publicHalf(privateKey('ed25519', seed)),
  sign: (message: Uint8Array, seed: Uint8Array) =>
    new Uint8Array(nodeSign(null, message, privateKey('ed25519', seed))),
};

/** In place of `x25519.ts`. */
export const x25519 = {
  utils: { randomSecretKey: () => new Uint8Array(randomBytes(32)) },
  getPublicKey: (secretKey: Uint8Array) => publicHalf(privateKey('x25519', secretKey)),
  getSharedSecret: (secretKey: Uint8Array, theirs: Uint8Array) => {
    const publicKey = createPublicKey({
      key: Buffer.concat([SPKI_X25519, theirs]),
      format: 'der',
      type: 'spki',
    });
    return new Uint8Array(diffieHellman({ privateKey: privateKey('x25519', secretKey), publicKey }));
  },
};

/** In place of `verify-portable.ts`. */
export function verifySignaturePortable(
  publicKeyHex: string,
  message: Uint8Array,
  signatureHex: string,
): boolean {
  return verifySignature(parsePublicKey(publicKeyHex), Buffer.from(message), signatureHex);
}

/** Reading a key takes longer than signing with it. */
const known = new Map<string, KeyObject>();

function privateKey(kind: keyof typeof PKCS8, raw: Uint8Array): KeyObject {
  const hex = PKCS8[kind] + Buffer.from(raw).toString('hex');
  const key =
    known.get(hex) ?? createPrivateKey({ key: Buffer.from(hex, 'hex'), format: 'der', type: 'pkcs8' });
  // One that is used once is not kept for long.
  if (known.size > 100) known.clear();
  known.set(hex, key);
  return key;
}

function publicHalf(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}
