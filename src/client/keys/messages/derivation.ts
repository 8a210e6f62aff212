import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/*
 * Every secret of an exchange of version 2 and every hash that names one, as docs/protocol.md 6 defines them. All values
 * are raw bytes. Each derivation has a label of its own, so that no output can stand for another.
 */

const KEY_BYTES = 32;
const DIGEST = /^[0-9a-f]{64}$/;
/** The salt of derivations without one, and what stands for an absent key. */
const ZEROS = new Uint8Array(32);
const ABSENT = ZEROS;

/** Whose keys these are: the initiator sent `key_exchange`, the responder answered it. */
export interface Parties {
  readonly initiator: Person;
  readonly responder: Person;
}

interface Person {
  readonly code: string;
  /** Ed25519, 32 bytes. */
  readonly eddsaPublicKey: Uint8Array;
}

/** Whether it names an exchange or a link: SHA-256 in lower-case hex. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}

/** Names an exchange, 32 bytes: a hash of the whole request and the whole answer, as their senders signed them. */
export function exchangeName(requestDigest: Uint8Array, answerDigest: Uint8Array): Uint8Array {
  return sha256(concatBytes(label('keyrelay/exchange/2'), requestDigest, answerDigest));
}

/**
 * The first chain key of each direction. `ecdhSecret` is X25519 of the two fresh keys; `kemSecret` is that of ML-KEM-768,
 * or empty if the exchange has none. The name, and with it everything that both have signed, is the salt.
 */
export function chainKeys(exchange: {
  readonly name: Uint8Array;
  readonly ecdhSecret: Uint8Array;
  readonly kemSecret: Uint8Array;
  readonly parties: Parties;
}): { readonly initiatorToResponder: Uint8Array; readonly responderToInitiator: Uint8Array } {
  const { name, ecdhSecret, kemSecret, parties } = exchange;
  const info = concatBytes(label('keyrelay/kx/2'), identities(parties));
  const keys = hkdf(sha256, concatBytes(ecdhSecret, kemSecret), name, info, KEY_BYTES * 2);
  return {
    initiatorToResponder: keys.subarray(0, KEY_BYTES),
    responderToInitiator: keys.subarray(KEY_BYTES),
  };
}

/** One step of a direction's ratchet: the key of one message, and the chain key after it. */
export function ratchetStep(chainKey: Uint8Array): {
  readonly messageKey: Uint8Array;
  readonly next: Uint8Array;
} {
  return {
    messageKey: hmac(sha256, chainKey, Uint8Array.of(1)),
    next: hmac(sha256, chainKey, Uint8Array.of(2)),
  };
}

/** The link behind a message: a hash of every message of this direction up to it. */
export function nextLink(link: Uint8Array, box: Uint8Array): Uint8Array {
  return sha256(concatBytes(label('keyrelay/chain/2'), link, box));
}

/** Associated data of a message. `exchange` and `link` have 32 bytes, the counter 8, big-endian. */
export function messageContext(of: {
  readonly sender: string;
  readonly recipient: string;
  readonly exchange: Uint8Array;
  readonly counter: number;
  readonly link: Uint8Array;
}): Uint8Array {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(of.counter));
  const codes = utf8ToBytes(of.sender + of.recipient);
  return concatBytes(label('keyrelay/msg/2'), codes, of.exchange, counter, of.link);
}

/** What binds a first message to the keys that it was encrypted for. */
export interface FirstMessageKeys {
  readonly parties: Parties;
  /** The initiator's fresh X25519 key, and the responder's registered one. */
  readonly initiatorKey: Uint8Array;
  readonly registeredKey: Uint8Array;
  /** The responder's one-time X25519 key; null if none was had. */
  readonly prekey: Uint8Array | null;
  /** ML-KEM-768 ciphertext for the responder's published key; null if the responder has published none. */
  readonly kemCiphertext: Uint8Array | null;
}

/** Info of a first message's key, and its associated data. What is absent counts as 32 zero bytes. */
export function firstMessageContext(keys: FirstMessageKeys): Uint8Array {
  const { parties, initiatorKey, registeredKey, prekey, kemCiphertext } = keys;
  const kemDigest = kemCiphertext === null ? ABSENT : sha256(kemCiphertext);
  const published = concatBytes(registeredKey, prekey ?? ABSENT, kemDigest);
  return concatBytes(label('keyrelay/first/2'), identities(parties), initiatorKey, published);
}

/**
 * The key of a first message. `secrets` are, in this order and as far as there are such keys: X25519 of the initiator's
 * fresh key with the registered key, the same with the one-time key, and the shared secret of ML-KEM-768.
 */
export function firstMessageKey(secrets: readonly Uint8Array[], context: Uint8Array): Uint8Array {
  return hkdf(sha256, concatBytes(...secrets), ZEROS, context, KEY_BYTES);
}

function identities({ initiator, responder }: Parties): Uint8Array {
  const codes = utf8ToBytes(initiator.code + responder.code);
  return concatBytes(codes, initiator.eddsaPublicKey, responder.eddsaPublicKey);
}

function label(text: string): Uint8Array {
  return concatBytes(utf8ToBytes(text), Uint8Array.of(0));
}
