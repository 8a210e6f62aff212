/** The package has no types; this is the part in use. */
declare module 'sodium-native' {
  const sodium: {
    /** Throws unless `signature` has 64 bytes or more and `publicKey` 32. */
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  };
  export default sodium;
}
