import sodium from 'sodium-native';

/** What the relay's own check comes down to: Ed25519 by libsodium, synchronous. */
export function verifies(keyHex, text, signatureHex) {
  const key = Buffer.from(keyHex, 'hex');
  return sodium.crypto_sign_verify_detached(Buffer.from(signatureHex, 'hex'), Buffer.from(text), key);
}
