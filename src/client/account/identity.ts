import { bytesToHex } from '@noble/hashes/utils.js';
import { getPublicKey, newSigningKey } from '../../crypto/ed25519.ts';
import { x25519 } from '../../crypto/x25519.ts';

/**
 * A person's two private keys, generated independently: having them is being that person. One identity belongs to one
 * relay, because frames name no relay, so another relay could replay them (docs/protocol.md 2).
 */
export interface Identity {
  /** Ed25519 seed, 32 bytes: signs frames and the registration proof, nothing else. */
  readonly signingKey: Uint8Array;
  /** X25519 secret, 32 bytes: the registered key, which opens first messages. The plain flow exchanges it, too. */
  readonly exchangeKey: Uint8Array;
  /** Hex of the public halves. */
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
}

/** A new identity from the runtime's random source. Store it: there is no other copy. */
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
