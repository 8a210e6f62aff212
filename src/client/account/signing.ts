import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { sign as signEd25519 } from '../../crypto/ed25519.ts';
import { verifySignaturePortable } from '../../crypto/verify-portable.ts';
import { frame } from '../../protocol/frames/relay-frames.ts';
import { proofText } from '../../protocol/registration.ts';
import type { Identity } from './identity.ts';

/** Signs `data` and puts that same text into the frame. */
export function signedFrame(data: string, identity: Identity): string {
  return frame(data, signatureOf(data, identity));
}

/** Proves to `POST /users` that the caller has the private key. */
export function registrationProof(identity: Identity): string {
  return signatureOf(proofText(identity.ecdhPublicKey, identity.eddsaPublicKey), identity);
}

/** Verifies as strictly as the relay: both accept the same signatures. */
export function isSignedBy(eddsaPublicKey: string, data: Uint8Array, signature: string): boolean {
  return verifySignaturePortable(eddsaPublicKey, data, signature);
}

/** Hex SHA-256 of the bytes of a frame's data: names a key exchange. */
export function digestOfData(data: Uint8Array): string {
  return bytesToHex(sha256(data));
}

/** Hex. What may be signed: docs/protocol.md, section 2. */
export function signatureOf(text: string, identity: Identity): string {
  return bytesToHex(signEd25519(utf8ToBytes(text), identity.signingKey));
}
