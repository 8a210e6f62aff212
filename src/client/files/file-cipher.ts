import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes, hexToBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { fromBase64, toBase64 } from '../../crypto/base64.ts';
import { type FileOffer, partsOf } from './offer.ts';

/** The payload of an envelope of type `file`: a part, or (without `part`) a word about the file. */
export interface SealedFileFrame {
  /** The file's id. */
  readonly file: string;
  /** From 0. */
  readonly part?: number;
  /** Base64 of nonce (24 bytes) ‖ XChaCha20-Poly1305 ciphertext and tag. */
  readonly ciphertext: string;
}

export interface FileContext {
  readonly offer: FileOffer;
  /** Codes. */
  readonly sender: string;
  readonly recipient: string;
}

const LABEL = utf8ToBytes('keyrelay/file/1');
const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** Encrypts a part, or (`part` null) a word about the file, under the file's own key. */
export function sealFileFrame(
  plaintext: Uint8Array,
  part: number | null,
  context: FileContext,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): SealedFileFrame {
  const cipher = xchacha20poly1305(hexToBytes(context.offer.key), nonce, associatedData(part, context));
  const ciphertext = toBase64(concatBytes(nonce, cipher.encrypt(plaintext)));
  return { file: context.offer.id, ...(part === null ? {} : { part }), ciphertext };
}

/** Null if it does not open: another key, file, part, sender or recipient, or altered. */
export function openFileFrame(frame: SealedFileFrame, context: FileContext): Uint8Array | null {
  const bytes = fromBase64(frame.ciphertext);
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const aad = associatedData(frame.part ?? null, context);
  try {
    const cipher = xchacha20poly1305(hexToBytes(context.offer.key), bytes.subarray(0, NONCE_BYTES), aad);
    return cipher.decrypt(bytes.subarray(NONCE_BYTES));
  } catch {
    return null;
  }
}

/** Null unless the payload looks like a file frame; nothing of it is believed yet. */
export function readFileFrame(payload: unknown): SealedFileFrame | null {
  const { file, part, ciphertext } = (payload ?? {}) as Record<string, unknown>;
  if (typeof file !== 'string' || !/^[0-9a-f]{32}$/.test(file) || typeof ciphertext !== 'string') return null;
  if (part === undefined) return { file, ciphertext };
  if (typeof part !== 'number' || !Number.isSafeInteger(part) || part < 0) return null;
  return { file, part, ciphertext };
}

/**
 * `keyrelay/file/1` ‖ 0x00 ‖ sender code ‖ recipient code ‖ file id (16 bytes) ‖ number of parts ‖ this part, from 1, or 0
 * for a word about the file (8 bytes each, big-endian): a part cannot be moved, exchanged, or taken for a word.
 */
function associatedData(part: number | null, { offer, sender, recipient }: FileContext): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(16));
  numbers.setBigUint64(0, BigInt(partsOf(offer)));
  numbers.setBigUint64(8, BigInt(part === null ? 0 : part + 1));
  const codes = utf8ToBytes(sender + recipient);
  return concatBytes(LABEL, Uint8Array.of(0), codes, hexToBytes(offer.id), new Uint8Array(numbers.buffer));
}
