import sodium from 'sodium-native';

/** What is used here besides what the relay uses. */
const libsodium = sodium as unknown as {
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    plaintext: Buffer,
    secretNonce: null,
    ciphertext: Uint8Array,
    associatedData: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
};

/** Opens base64 of a nonce of 24 bytes and what XChaCha20-Poly1305 made with it. Throws if it is another's. */
export function openByLibsodium(sealed: string, associatedData: Buffer, key: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64');
  const opened = Buffer.alloc(bytes.length - 24 - 16);
  libsodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
    opened,
    null,
    bytes.subarray(24),
    associatedData,
    bytes.subarray(0, 24),
    Buffer.from(key, 'hex'),
  );
  return opened;
}
