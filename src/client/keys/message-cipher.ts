import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, hexToBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { fromBase64, toBase64 } from '../../crypto/base64.ts';
import type { Session } from './sessions.ts';

/** The payload of a `message`: `docs/clients.md` specifies it for other languages. */
export interface SealedMessage {
  /** Which exchange the key is from: hex SHA-256 of the request's data. */
  readonly exchange: string;
  /** Counts the messages of this direction under this key, from 0. */
  readonly counter: number;
  /** Base64 of nonce (24 bytes) ‖ XChaCha20-Poly1305 ciphertext and tag. */
  readonly ciphertext: string;
}

const LABEL = utf8ToBytes('keyrelay/msg/1');
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** Encrypts under the session's sending key, with its next counter (which the caller then counts up). */
export function sealMessage(
  plaintext: Uint8Array,
  context: { readonly session: Session; readonly sender: string; readonly recipient: string },
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): SealedMessage {
  const { session, sender, recipient } = context;
  const exchange = session.id;
  const counter = session.sent;
  const aad = associatedData({ exchange, counter, sender, recipient });
  const sealed = xchacha20poly1305(hexToBytes(session.sendKey), nonce, aad).encrypt(plaintext);
  return { exchange, counter, ciphertext: toBase64(concatBytes(nonce, sealed)) };
}

/** Null if it does not open: another key, an altered text, counter, sender or recipient. */
export function openMessage(
  message: SealedMessage,
  context: { readonly session: Session; readonly sender: string; readonly recipient: string },
): Uint8Array | null {
  const { session, sender, recipient } = context;
  const bytes = fromBase64(message.ciphertext);
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const aad = associatedData({ exchange: message.exchange, counter: message.counter, sender, recipient });
  try {
    const cipher = xchacha20poly1305(hexToBytes(session.receiveKey), bytes.subarray(0, NONCE_BYTES), aad);
    return cipher.decrypt(bytes.subarray(NONCE_BYTES));
  } catch {
    return null;
  }
}

/**
 * `keyrelay/msg/1` ‖ 0x00 ‖ sender code ‖ recipient code ‖ exchange (32 bytes) ‖ counter (8 bytes, big-endian):
 * so that a message shows if it is replayed, reordered, turned back on its sender, or moved to another exchange.
 */
function associatedData(of: {
  exchange: string;
  counter: number;
  sender: string;
  recipient: string;
}): Uint8Array {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(of.counter));
  const codes = utf8ToBytes(of.sender + of.recipient);
  return concatBytes(LABEL, Uint8Array.of(0), codes, hexToBytes(of.exchange), counter);
}
