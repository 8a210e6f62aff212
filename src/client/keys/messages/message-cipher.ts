import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, hexToBytes, randomBytes } from '@noble/hashes/utils.js';
import { fromBase64, toBase64 } from '../../../crypto/base64.ts';
import { afterSealing, BrokenChain, openingOf, sendingKey } from './chains.ts';
import { isDigest, messageContext } from './derivation.ts';
import { afterPlainSealing, plainContext, plainOpeningOf } from './plain-chains.ts';
import type { Session } from './sessions.ts';

/** The payload of a `message`, read. */
export interface SealedMessage {
  /** The session's id. */
  readonly exchange: string;
  /** Counts the messages of this direction in this exchange, from 0. */
  readonly counter: number;
  /** Hash of all messages before this one, hex; empty by version 1. */
  readonly link: string;
  /** Nonce (24 bytes) ‖ XChaCha20-Poly1305 ciphertext and tag. */
  readonly box: Uint8Array;
}

/** Whose message it is, and under which keys. */
export interface MessageContext {
  readonly session: Session;
  readonly sender: string;
  readonly recipient: string;
}

export type OpenedMessage =
  | {
      readonly outcome: 'opened';
      readonly plaintext: Uint8Array;
      readonly session: Session;
      /** Counters that this message has skipped. */
      readonly missing: number;
    }
  /** Its key has been used, or given up: nothing new. */
  | { readonly outcome: 'used' }
  /** It does not open: other keys, an altered text, or not what follows the messages before. */
  | { readonly outcome: 'foreign' };

/** Counters are small in practice; beyond, a session sends nothing more. */
export const COUNTER_MAX = 2 ** 16 - 1;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** Encrypts as the session's next message. Store the session that is returned before the payload is sent. */
export function sealMessage(
  plaintext: Uint8Array,
  context: MessageContext,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): { readonly payload: object; readonly session: Session } {
  const { session } = context;
  const { id: exchange, send } = session;
  const counter = send.next;
  const plain = session.version === 1;
  const key = plain ? hexToBytes(send.key) : sendingKey(send);
  const data = associatedData({ exchange, counter, link: send.link }, context);
  const box = concatBytes(nonce, xchacha20poly1305(key, nonce, data).encrypt(plaintext));
  const next = plain ? afterPlainSealing(send) : afterSealing(send, box);
  const ciphertext = toBase64(box);
  const payload = plain
    ? { exchange, counter, ciphertext }
    : { exchange, counter, link: send.link, ciphertext };
  return { payload, session: { ...session, send: next } };
}

/** Nothing of the session changes unless the message opens: what its counter says is believed only then. */
export function openMessage(message: SealedMessage, context: MessageContext): OpenedMessage {
  const { session } = context;
  const { counter, link, box } = message;
  const { receive } = session;
  const opening =
    session.version === 1 ? plainOpeningOf(receive, counter) : openingOf(receive, counter, link);
  if (typeof opening === 'string') return { outcome: opening };
  const plaintext = decrypt(opening.key, box, associatedData(message, context));
  if (plaintext === null) return { outcome: 'foreign' };
  try {
    const updated = { ...session, receive: opening.opened(box) };
    return { outcome: 'opened', plaintext, session: updated, missing: Math.max(0, counter - receive.next) };
  } catch (error) {
    if (error instanceof BrokenChain) return { outcome: 'foreign' };
    throw error;
  }
}

/** Null if it is malformed. */
export function readMessage(payload: unknown): SealedMessage | null {
  const { exchange, counter, link = '', ciphertext } = (payload ?? {}) as Record<string, unknown>;
  const box = typeof ciphertext === 'string' ? fromBase64(ciphertext) : null;
  if (!isDigest(exchange) || box === null || box.length < NONCE_BYTES + TAG_BYTES) return null;
  if (typeof counter !== 'number' || !Number.isSafeInteger(counter) || counter < 0) return null;
  if (link !== '' && !isDigest(link)) return null;
  return { exchange, counter, link, box };
}

export function decrypt(key: Uint8Array, box: Uint8Array, data: Uint8Array): Uint8Array | null {
  try {
    return xchacha20poly1305(key, box.subarray(0, NONCE_BYTES), data).decrypt(box.subarray(NONCE_BYTES));
  } catch {
    return null;
  }
}

function associatedData(
  { exchange, counter, link }: { exchange: string; counter: number; link: string },
  { session, sender, recipient }: MessageContext,
): Uint8Array {
  const about = { sender, recipient, exchange: hexToBytes(exchange), counter };
  return session.version === 1 ? plainContext(about) : messageContext({ ...about, link: hexToBytes(link) });
}
