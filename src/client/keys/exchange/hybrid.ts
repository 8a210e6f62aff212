/*
 * ML-KEM-768 (FIPS 203), beside X25519 in every exchange: who records today's frames and has a quantum computer later must
 * break both. The library is loaded at the first exchange, so that a page shows without it (test/unit/client/size.test.ts).
 */

/** Bytes of an encapsulation key, a ciphertext, and the seed (d and z of FIPS 203) that a decapsulation key is kept as. */
export const KEM_PUBLIC_KEY_BYTES = 1_184;
export const KEM_CIPHERTEXT_BYTES = 1_088;
export const KEM_SEED_BYTES = 64;

export interface Kem {
  publicKeyOf(seed: Uint8Array): Uint8Array;
  /** Throws if the key is not one that FIPS 203 (7.2) allows. */
  encapsulate(publicKey: Uint8Array): { readonly ciphertext: Uint8Array; readonly secret: Uint8Array };
  /** A ciphertext for another key gives an unrelated secret, not an error. */
  decapsulate(ciphertext: Uint8Array, seed: Uint8Array): Uint8Array;
}

let loading: Promise<Kem> | null = null;
let loaded: Kem | null = null;

/** Rejects if the library cannot be fetched; the next call tries again. */
export function loadKem(): Promise<Kem> {
  loading ??= load().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Null until `loadKem` has resolved once. */
export function kemIfLoaded(): Kem | null {
  return loaded;
}

async function load(): Promise<Kem> {
  const { ml_kem768: library } = await import('@noble/post-quantum/ml-kem.js');
  loaded = {
    publicKeyOf: (seed) => library.keygen(seed).publicKey,
    encapsulate: (publicKey) => {
      const { cipherText, sharedSecret } = library.encapsulate(publicKey);
      return { ciphertext: cipherText, secret: sharedSecret };
    },
    decapsulate: (ciphertext, seed) => library.decapsulate(ciphertext, library.keygen(seed).secretKey),
  };
  return loaded;
}
