import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, hexToBytes, randomBytes } from '@noble/hashes/utils.js';
import { sharedSecret } from '../../../crypto/kdf.ts';
import { firstMessageContext, firstMessageKey, type Parties } from '../messages/derivation.ts';
import { decrypt } from '../messages/message-cipher.ts';
import type { FirstMessage } from './exchange-payloads.ts';
import { kemIfLoaded } from './hybrid.ts';

/*
 * A message inside the request itself, so that the recipient reads it at the first visit. It is encrypted to keys that the
 * recipient has published: the registered one, and, where the relay has them, one that is used for this message alone and one
 * of ML-KEM. It opens for an attacker who gets all private halves of these; the recipient erases that of the second.
 */

const NONCE_BYTES = 24;

/** What a recipient has published, checked: see `Trust` and `ClaimedPrekeys`. Keys in hex. */
export interface PublishedKeys {
  readonly registeredKey: string;
  readonly prekeys: {
    readonly generation: number;
    readonly prekey: string | null;
    readonly kemPublicKey: Uint8Array;
  } | null;
}

/** Our private halves, hex; undefined or null where we have no such key. */
export interface PublishedSecrets {
  readonly registered: (publicKey: string) => string | undefined;
  readonly prekeys: (
    generation: number,
    prekey: string | null,
  ) => { readonly kemSeed: string; readonly secretKey: string | null } | null;
}

type Encapsulated = { readonly ciphertext: Uint8Array; readonly secret: Uint8Array };

/**
 * The initiator's side. `publicKey` and `secretKey` are the fresh pair of the request, hex. Throws if the ML-KEM key is not one
 * that FIPS 203 allows.
 */
export function sealFirstMessage(
  plaintext: Uint8Array,
  by: { readonly publicKey: string; readonly secretKey: string; readonly parties: Parties },
  to: PublishedKeys,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
  encapsulated: Encapsulated | null = to.prekeys && encapsulate(to.prekeys.kemPublicKey),
): FirstMessage {
  const registeredKey = hexToBytes(to.registeredKey);
  const prekey = to.prekeys?.prekey ?? null;
  const context = firstMessageContext({
    parties: by.parties,
    initiatorKey: hexToBytes(by.publicKey),
    registeredKey,
    prekey: prekey === null ? null : hexToBytes(prekey),
    kemCiphertext: encapsulated?.ciphertext ?? null,
  });
  const own = hexToBytes(by.secretKey);
  const secrets = [
    sharedSecret(own, registeredKey),
    ...(prekey === null ? [] : [sharedSecret(own, hexToBytes(prekey))]),
    ...(encapsulated === null ? [] : [encapsulated.secret]),
  ];
  const box = concatBytes(
    nonce,
    xchacha20poly1305(firstMessageKey(secrets, context), nonce, context).encrypt(plaintext),
  );
  return {
    key: to.registeredKey,
    generation: encapsulated === null ? null : (to.prekeys?.generation ?? null),
    prekey,
    kemCiphertext: encapsulated?.ciphertext ?? null,
    box,
  };
}

/** The responder's side: null if it does not open, or if it is for keys that we no longer have. Load ML-KEM first. */
export function openFirstMessage(
  first: FirstMessage,
  from: { readonly publicKey: string; readonly parties: Parties },
  secretsOf: PublishedSecrets,
): Uint8Array | null {
  const initiatorKey = hexToBytes(from.publicKey);
  const secrets = openingSecrets(first, initiatorKey, secretsOf);
  if (secrets === null) return null;
  const context = firstMessageContext({
    parties: from.parties,
    initiatorKey,
    registeredKey: hexToBytes(first.key),
    prekey: first.prekey === null ? null : hexToBytes(first.prekey),
    kemCiphertext: first.kemCiphertext,
  });
  return decrypt(firstMessageKey(secrets, context), first.box, context);
}

function openingSecrets(
  { key, generation, prekey, kemCiphertext }: FirstMessage,
  initiatorKey: Uint8Array,
  secretsOf: PublishedSecrets,
): readonly Uint8Array[] | null {
  const registered = secretsOf.registered(key);
  if (registered === undefined) return null;
  const secrets = [sharedSecret(hexToBytes(registered), initiatorKey)];
  if (generation === null) return prekey === null && kemCiphertext === null ? secrets : null;
  const published = secretsOf.prekeys(generation, prekey);
  if (published === null) return null;
  if (published.secretKey !== null) secrets.push(sharedSecret(hexToBytes(published.secretKey), initiatorKey));
  if (kemCiphertext === null) return secrets;
  const kem = kemIfLoaded();
  if (kem === null) return null;
  return [...secrets, kem.decapsulate(kemCiphertext, hexToBytes(published.kemSeed))];
}

function encapsulate(publicKey: Uint8Array): Encapsulated | null {
  return kemIfLoaded()?.encapsulate(publicKey) ?? null;
}
