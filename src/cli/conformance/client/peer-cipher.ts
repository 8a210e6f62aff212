import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/*
 * What docs/protocol.md 6 asks of cryptography, by node:crypto alone. It has no XChaCha20, which is ChaCha20-Poly1305 under a
 * key that HChaCha20 (draft-irtf-cfrg-xchacha, 2.2) makes of key and nonce.
 */

const TAG_BYTES = 16;
const NONCE_BYTES = 24;
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
/** A quarter round on each column, then on each diagonal. */
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

/** Nonce ‖ ciphertext with tag. */
export function seal(key: Uint8Array, plaintext: string | Buffer, bound: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('chacha20-poly1305', subkey(key, nonce), innerNonce(nonce), {
    authTagLength: TAG_BYTES,
  });
  const text = Buffer.from(plaintext as string);
  cipher.setAAD(bound, { plaintextLength: text.length });
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** Null if it does not open. */
export function open(key: Uint8Array, box: Buffer, bound: Buffer): Buffer | null {
  if (box.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = box.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('chacha20-poly1305', subkey(key, nonce), innerNonce(nonce), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bound, { plaintextLength: box.length - NONCE_BYTES - TAG_BYTES });
  decipher.setAuthTag(box.subarray(-TAG_BYTES));
  const text = decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return text;
  } catch {
    return null;
  }
}

export interface ExchangePair {
  readonly secret: KeyObject;
  readonly publicKey: string;
}

export function newExchangePair(): ExchangePair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { secret: privateKey, publicKey: lastBytes(publicKey.export({ format: 'der', type: 'spki' })) };
}

/** X25519. */
export function agree(own: ExchangePair, theirs: string): Buffer {
  const spki = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), Buffer.from(theirs, 'hex')]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return diffieHellman({
    privateKey: createPrivateKey(own.secret.export({ format: 'pem', type: 'pkcs8' })),
    publicKey,
  });
}

/** HKDF-SHA-256, 64 bytes in two halves. */
export function hkdf(secret: Buffer, salt: Buffer, info: Buffer): readonly [Buffer, Buffer] {
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, info, 64));
  return [bytes.subarray(0, 32), bytes.subarray(32)];
}

function lastBytes(der: Buffer): string {
  return der.subarray(-32).toString('hex');
}

function innerNonce(nonce: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]);
}

/** HChaCha20 of the key and the first 16 bytes of the nonce. */
function subkey(key: Uint8Array, nonce: Uint8Array): Buffer {
  const input = Buffer.concat([key, nonce.subarray(0, 16)]);
  const state = new Uint32Array(16);
  state.set(SIGMA);
  for (let word = 0; word < 12; word += 1) state[word + 4] = input.readUInt32LE(word * 4);
  for (let round = 0; round < 10; round += 1) for (const quarter of QUARTERS) quarterRound(state, quarter);
  const out = Buffer.alloc(32);
  for (let word = 0; word < 4; word += 1) {
    out.writeUInt32LE(state[word] ?? 0, word * 4);
    out.writeUInt32LE(state[word + 12] ?? 0, 16 + word * 4);
  }
  return out;
}

function quarterRound(state: Uint32Array, [a, b, c, d]: readonly [number, number, number, number]): void {
  const mix = (x: number, y: number, z: number, bits: number) => {
    state[x] = (state[x] ?? 0) + (state[y] ?? 0);
    const mixed = (state[z] ?? 0) ^ (state[x] ?? 0);
    state[z] = (mixed << bits) | (mixed >>> (32 - bits));
  };
  mix(a, b, d, 16);
  mix(c, d, b, 12);
  mix(a, b, d, 8);
  mix(c, d, b, 7);
}
