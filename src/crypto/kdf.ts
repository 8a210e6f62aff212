import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { x25519 } from './x25519.ts';

const KX_LABEL = 'keyrelay/kx/1';
const SAFETY_LABEL = 'keyrelay/sn/1';
const SECRET_BYTES = 32;
const SYM_KEY_BYTES = 32;
/** Of HKDF: zeros, as long as the hash. */
const SALT = new Uint8Array(32);

/** One side of a key exchange. Keys are raw, 32 bytes. */
export interface Party {
  readonly code: string;
  readonly eddsaPublicKey: Uint8Array;
  /** The key of this exchange: the registered one, or a fresh one. */
  readonly ecdhPublicKey: Uint8Array;
}

/** A key for each direction, 32 bytes. */
export interface SessionKeys {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
}

/** X25519 (RFC 7748). Throws if the public key is of small order: the secret would be all zero. */
export function sharedSecret(ecdhSecretKey: Uint8Array, ecdhPublicKey: Uint8Array): Uint8Array {
  return x25519.getSharedSecret(ecdhSecretKey, ecdhPublicKey);
}

/**
 * HKDF-SHA-256 (RFC 5869) of a shared secret of 32 bytes. The identities are bound in: an attacker that registers the
 * exchange key of another user cannot make either side believe that it shares a key with the attacker. The initiator sent
 * `key_exchange`, the responder answered `key_exchange_ack`. Throws if the secret is all zero.
 */
export function deriveKeys(exchange: {
  readonly secret: Uint8Array;
  readonly initiator: Party;
  readonly responder: Party;
}): SessionKeys {
  const { secret, initiator, responder } = exchange;
  if (secret.length !== SECRET_BYTES)
    throw new RangeError(`the shared secret must have ${SECRET_BYTES} bytes`);
  if (secret.every((byte) => byte === 0)) {
    throw new RangeError('the shared secret is zero: the other key is of small order');
  }
  const info = concatBytes(
    utf8ToBytes(KX_LABEL),
    Uint8Array.of(0),
    utf8ToBytes(initiator.code),
    utf8ToBytes(responder.code),
    initiator.eddsaPublicKey,
    responder.eddsaPublicKey,
    initiator.ecdhPublicKey,
    responder.ecdhPublicKey,
  );
  const keys = hkdf(sha256, secret, SALT, info, SYM_KEY_BYTES * 2);
  return {
    initiatorToResponder: keys.subarray(0, SYM_KEY_BYTES),
    responderToInitiator: keys.subarray(SYM_KEY_BYTES),
  };
}

/** One of the two identities of a safety number. */
export interface Identity {
  readonly code: string;
  /** Raw, 32 bytes. */
  readonly eddsaPublicKey: Uint8Array;
}

const SAFETY_GROUPS = 12;
const SAFETY_GROUP_BYTES = 5;

/** 12 groups of 5 digits, the same for both sides: two people who read the same number see the same keys. */
export function safetyNumber(one: Identity, other: Identity): string[] {
  const [first, second] = one.code < other.code ? [one, other] : [other, one];
  const digest = sha512(
    concatBytes(
      utf8ToBytes(SAFETY_LABEL),
      utf8ToBytes(first.code),
      first.eddsaPublicKey,
      utf8ToBytes(second.code),
      second.eddsaPublicKey,
    ),
  );
  return Array.from({ length: SAFETY_GROUPS }, (_, group) => {
    const bytes = digest.subarray(group * SAFETY_GROUP_BYTES, (group + 1) * SAFETY_GROUP_BYTES);
    // 40 bits: exact in a double.
    const number = bytes.reduce((value, byte) => value * 256 + byte, 0);
    return String(number % 100_000).padStart(5, '0');
  });
}
