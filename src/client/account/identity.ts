import { bytesToHex } from '@noble/hashes/utils.js';
import { getPublicKey, newSigningKey } from '../../crypto/ed25519.ts';
import { x25519 } from '../../crypto/x25519.ts';

/**
 * Who a person is: two private keys, made independently. Whoever has them is that person. One identity
 * belongs to one relay (PROTOCOL.md 2: frames name no relay, so another could replay them).
 */
export interface Identity {
  /** Ed25519 seed, 32 bytes: signs frames and the registration, nothing else. */
  readonly signingKey: Uint8Array;
  /** X25519 secret, 32 bytes: the registered exchange key, used only by the plain flow. */
  readonly exchangeKey: Uint8Array;
  /** Hex of the public halves. */
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
}

/** A new identity from the runtime's random source. Keep it: there is no other copy. */
export function createIdentity(): Identity {
  return identityFrom(newSigningKey(), x25519.utils.randomSecretKey());
}

/** The identity of these two private keys, 32 bytes each. */
export function identityFrom(signingKey: Uint8Array, exchangeKey: Uint8Array): Identity {
  return {
    signingKey,
    exchangeKey,
    eddsaPublicKey: bytesToHex(getPublicKey(signingKey)),
    ecdhPublicKey: bytesToHex(x25519.getPublicKey(exchangeKey)),
  };
}
