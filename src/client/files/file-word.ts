import { utf8ToBytes } from '@noble/hashes/utils.js';
import { type PartRanges, readRanges } from './part-set.ts';

/**
 * What the two sides say to each other about a file, encrypted under its key. Each word is the whole truth at its time, so
 * one that is lost or repeated does no harm; both sides say theirs again after each login.
 */
export type FileWord =
  /** Recipient: send, except what I have. Also the receipt. `answers` is the number of the `ask` that it answers. */
  | { readonly type: 'get'; readonly have: PartRanges; readonly answers?: number }
  /** Recipient: I have all of it, and its digest is right. */
  | { readonly type: 'done' }
  /** Sender: what do you have? A word that comes after parts is answered after them. */
  | { readonly type: 'ask'; readonly number: number }
  /** Either: I give it up. */
  | { readonly type: 'cancel' };

export function encodeWord(word: FileWord): Uint8Array {
  return utf8ToBytes(JSON.stringify(word));
}

/** Null if it is not a word that we know. */
export function decodeWord(plaintext: Uint8Array): FileWord | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext));
  } catch {
    return null;
  }
  const { type, have, answers, number } = (value ?? {}) as Record<string, unknown>;
  if (type === 'done' || type === 'cancel') return { type };
  if (type === 'ask' && typeof number === 'number') return { type, number };
  const ranges = readRanges(have);
  if (type !== 'get' || ranges === null) return null;
  return { type, have: ranges, ...(typeof answers === 'number' ? { answers } : {}) };
}
