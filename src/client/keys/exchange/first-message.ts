import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, hexToBytes, randomBytes } from '@noble/hashes/utils.js';
import { sharedSecret } from '../../../crypto/kdf.ts';
import { firstMessageContext, firstMessageKey, type Parties } from '../messages/derivation.ts';
import { decrypt } from '../messages/message-cipher.ts';
import type { FirstMessage } from './exchange-payloads.ts';

/*
 * A message inside the request itself, so that the recipient reads it at the first visit. It is encrypted to keys that the
 * recipient has published, and so opens for whoever gets the private halves of these later, until they are replaced.
 */

const NONCE_BYTES = 24;

/** What a recipient has published, checked: see `Trust`. Hex. */
export interface PublishedKeys {
  readonly registeredKey: string;
}

/** The initiator's side. `publicKey` and `secretKey` are the fresh pair of the request, hex. */
export function sealFirstMessage(
  plaintext: Uint8Array,
  by: { readonly publicKey: string; readonly secretKey: string; readonly parties: Parties },
  to: PublishedKeys,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): FirstMessage {
  const registeredKey = hexToBytes(to.registeredKey);
  const context = firstMessageContext({
    parties: by.parties,
    initiatorKey: hexToBytes(by.publicKey),
    registeredKey,
    prekey: null,
    kemCiphertext: null,
  });
  const key = firstMessageKey([sharedSecret(hexToBytes(by.secretKey), registeredKey)], context);
  const box = concatBytes(nonce, xchacha20poly1305(key, nonce, context).encrypt(plaintext));
  return { key: to.registeredKey, prekey: null, kemCiphertext: null, box };
}

/** The responder's side: null if it does not open, or if it is for keys that we no longer have. */
export function openFirstMessage(
  first: FirstMessage,
  from: { readonly publicKey: string; readonly parties: Parties },
  /** The private half of one of our published keys, hex; undefined if we have no such key. */
  secretOf: (publicKey: string) => string | undefined,
): Uint8Array | null {
  const secretKey = secretOf(first.key);
  if (secretKey === undefined || first.prekey !== null || first.kemCiphertext !== null) return null;
  const initiatorKey = hexToBytes(from.publicKey);
  const context = firstMessageContext({
    parties: from.parties,
    initiatorKey,
    registeredKey: hexToBytes(first.key),
    prekey: first.prekey === null ? null : hexToBytes(first.prekey),
    kemCiphertext: first.kemCiphertext,
  });
  const key = firstMessageKey([sharedSecret(hexToBytes(secretKey), initiatorKey)], context);
  return decrypt(key, first.box, context);
}
