import { SIGNATURE_HEX_DIGITS } from '../exchange-key.ts';
import { byteAt, equalsAscii, HEX_DIGIT, isIn } from '../json/bytes.ts';
import { PLAIN_TEXT } from '../json/strings.ts';
import { utf8Text } from '../json/text.ts';

/**
 * A delivered frame is exactly `{"data":D,"signature":"<128 lower-case hex>"}`, by protocol 2 with `,"seq":"<id>"`
 * before the last brace, and from the second try on `,"tries":<n>` behind it. D is the sender's bytes, so a frame is put
 * together and taken apart by position and never encoded again.
 */
const DELIVERED_PREFIX = '{"data":';
const DELIVERED_SIGNATURE = ',"signature":"';
const DELIVERED_SEQ = ',"seq":"';
const DELIVERED_TRIES = ',"tries":';
const DELIVERED_SUFFIX = '"}';
const QUOTE = 0x22;
const BRACE = 0x7d;
const TRIES_DIGITS_MAX = 9;

/** Bytes of a delivered frame (without seq) beside D. */
export const DELIVERED_OVERHEAD_BYTES =
  DELIVERED_PREFIX.length + DELIVERED_SIGNATURE.length + SIGNATURE_HEX_DIGITS + DELIVERED_SUFFIX.length;

/** By protocol 2 a delivered frame is at most so much longer than the largest frame that a client may send. */
export const DELIVERED_EXTRA_BYTES_MAX = 64;

/** How many bytes longer a frame is with this seq. @param tries 1 is not written */
export function seqBytes(seq: string, tries: number): number {
  return DELIVERED_SEQ.length + seq.length + 1 + triesText(tries).length;
}

function triesText(tries: number): string {
  return tries > 1 ? `${DELIVERED_TRIES}${tries}` : '';
}

/**
 * Writes `{"data":D,"signature":"…"}` into `target`, which has `DELIVERED_OVERHEAD_BYTES` more than D:
 * D is `frame[dataStart, dataEnd)`, as `decodeFrame` found it.
 */
export function writeDelivered(
  target: Uint8Array,
  frame: Uint8Array,
  found: { readonly dataStart: number; readonly dataEnd: number; readonly signature: string },
): void {
  let at = writeAscii(target, 0, DELIVERED_PREFIX);
  target.set(frame.subarray(found.dataStart, found.dataEnd), at);
  at = writeAscii(target, at + found.dataEnd - found.dataStart, DELIVERED_SIGNATURE);
  at = writeAscii(target, at, found.signature);
  writeAscii(target, at, DELIVERED_SUFFIX);
}

/**
 * Writes a delivered frame with a seq into `target`, which has `seqBytes(seq, tries)` more than `delivered`. `seq` is
 * ASCII without quotes and backslashes, as mailbox ids are.
 */
export function writeWithSeq(target: Uint8Array, delivered: Uint8Array, seq: string, tries: number): void {
  target.set(delivered, 0);
  const at = writeAscii(target, delivered.length - 1, DELIVERED_SEQ);
  writeAscii(target, writeAscii(target, at, seq), `"${triesText(tries)}}`);
}

/** A delivered frame taken apart. `data` is a view into the frame. */
export interface Delivered {
  /** D: verify it before any other use. */
  readonly data: Uint8Array;
  /** 128 lower-case hex digits. */
  readonly signature: string;
  /** Protocol 2 only: ASCII, without quotes and backslashes. */
  readonly seq: string | null;
  /** Which try this is, from 1: those before it ended with the socket. */
  readonly tries: number;
}

/**
 * Cuts a delivered frame by position, without parsing: null if it does not have exactly this form (the relay's own frames
 * do not: they have no signature). The caller must check whether D is JSON, signed, and for this client.
 */
export function cutData(frame: Uint8Array): Delivered | null {
  if (!equalsAscii(frame, { start: 0, end: DELIVERED_PREFIX.length }, DELIVERED_PREFIX)) return null;
  if (frame[frame.length - 1] !== BRACE) return null;
  const { tries, end } = readTries(frame);
  const lastEnd = end - 1;
  if (frame[lastEnd] !== QUOTE) return null;
  const lastStart = frame.lastIndexOf(QUOTE, lastEnd - 1) + 1;
  if (tries === 1 && endsWith(frame, lastStart, DELIVERED_SIGNATURE))
    return cut(frame, { start: lastStart, end: lastEnd }, { seq: null, tries });
  if (!endsWith(frame, lastStart, DELIVERED_SEQ)) return null;
  const signatureEnd = lastStart - DELIVERED_SEQ.length - 1;
  const signatureStart = signatureEnd - SIGNATURE_HEX_DIGITS;
  if (frame[signatureEnd] !== QUOTE || !endsWith(frame, signatureStart, DELIVERED_SIGNATURE)) return null;
  for (let at = lastStart; at < lastEnd; at++) if (!isIn(byteAt(frame, at), PLAIN_TEXT)) return null;
  const seq = utf8Text(frame, lastStart, lastEnd);
  return cut(frame, { start: signatureStart, end: signatureEnd }, { seq, tries });
}

/** The `tries` of a frame that ends with a brace, and where the members before it end. */
function readTries(frame: Uint8Array): { readonly tries: number; readonly end: number } {
  const brace = frame.length - 1;
  let start = brace;
  while (brace - start < TRIES_DIGITS_MAX && isDigit(frame[start - 1])) start -= 1;
  if (start === brace || !endsWith(frame, start, DELIVERED_TRIES)) return { tries: 1, end: brace };
  return { tries: Number(utf8Text(frame, start, brace)), end: start - DELIVERED_TRIES.length };
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function cut(
  frame: Uint8Array,
  span: { start: number; end: number },
  { seq, tries }: Pick<Delivered, 'seq' | 'tries'>,
): Delivered | null {
  if (span.end - span.start !== SIGNATURE_HEX_DIGITS) return null;
  for (let at = span.start; at < span.end; at++) if (!isLowerHex(byteAt(frame, at))) return null;
  const data = frame.subarray(DELIVERED_PREFIX.length, span.start - DELIVERED_SIGNATURE.length);
  // Identity keys sign other strings too (`relay-register:`): D is an object.
  if (data[0] !== 0x7b || data[data.length - 1] !== BRACE) return null;
  return { data, signature: utf8Text(frame, span.start, span.end), seq, tries };
}

function isLowerHex(byte: number): boolean {
  return isIn(byte, HEX_DIGIT) && (byte <= 0x39 || byte >= 0x61);
}

function endsWith(bytes: Uint8Array, end: number, text: string): boolean {
  return equalsAscii(bytes, { start: end - text.length, end }, text);
}

function writeAscii(target: Uint8Array, start: number, text: string): number {
  for (let index = 0; index < text.length; index++) target[start + index] = text.charCodeAt(index);
  return start + text.length;
}
