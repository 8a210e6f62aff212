import { byteAt, equalsAscii, HEX_DIGIT, isIn } from './bytes.ts';
import { SIGNATURE_HEX_DIGITS } from './exchange-key.ts';
import { PLAIN_TEXT } from './json-strings.ts';
import { utf8Text } from './json-text.ts';

/**
 * A delivered frame is exactly `{"data":D,"signature":"<128 lower-case hex>"}`, by protocol 2 with `,"seq":"<id>"`
 * before the last brace. D is the sender's bytes, so a frame is put together and taken apart by position and
 * never encoded again.
 */
const DELIVERED_PREFIX = '{"data":';
const DELIVERED_SIGNATURE = ',"signature":"';
const DELIVERED_SEQ = ',"seq":"';
const DELIVERED_SUFFIX = '"}';

/** Bytes of a delivered frame (without seq) beside D. */
export const DELIVERED_OVERHEAD_BYTES =
  DELIVERED_PREFIX.length + DELIVERED_SIGNATURE.length + SIGNATURE_HEX_DIGITS + DELIVERED_SUFFIX.length;

/** How many bytes longer a frame is with this seq. */
export function seqBytes(seq: string): number {
  return DELIVERED_SEQ.length + seq.length + 1;
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
 * Writes a delivered frame with a seq into `target`, which has `seqBytes(seq)` more than `delivered`. `seq` is ASCII
 * without quotes and backslashes, as mailbox ids are.
 */
export function writeWithSeq(target: Uint8Array, delivered: Uint8Array, seq: string): void {
  target.set(delivered, 0);
  const at = writeAscii(target, delivered.length - 1, DELIVERED_SEQ);
  writeAscii(target, writeAscii(target, at, seq), DELIVERED_SUFFIX);
}

/** A delivered frame taken apart. `data` is a view into the frame. */
export interface Delivered {
  /** D: verify it before any other use. */
  readonly data: Uint8Array;
  /** 128 lower-case hex digits. */
  readonly signature: string;
  /** Protocol 2 only: ASCII, without quotes and backslashes. */
  readonly seq: string | null;
}

/**
 * Cuts a delivered frame by position, without parsing: null if it does not have exactly this form (the relay's own frames
 * do not: they have no signature). The caller must check whether D is JSON, signed, and for this client.
 */
export function cutData(frame: Uint8Array): Delivered | null {
  const length = frame.length;
  if (!equalsAscii(frame, { start: 0, end: DELIVERED_PREFIX.length }, DELIVERED_PREFIX)) return null;
  if (!equalsAscii(frame, { start: length - DELIVERED_SUFFIX.length, end: length }, DELIVERED_SUFFIX))
    return null;
  const lastEnd = length - DELIVERED_SUFFIX.length;
  const lastStart = frame.lastIndexOf(0x22, lastEnd - 1) + 1;
  if (endsWith(frame, lastStart, DELIVERED_SIGNATURE))
    return cut(frame, { start: lastStart, end: lastEnd }, null);
  if (!endsWith(frame, lastStart, DELIVERED_SEQ)) return null;
  const signatureEnd = lastStart - DELIVERED_SEQ.length - 1;
  const signatureStart = signatureEnd - SIGNATURE_HEX_DIGITS;
  if (frame[signatureEnd] !== 0x22 || !endsWith(frame, signatureStart, DELIVERED_SIGNATURE)) return null;
  for (let at = lastStart; at < lastEnd; at++) if (!isIn(byteAt(frame, at), PLAIN_TEXT)) return null;
  return cut(frame, { start: signatureStart, end: signatureEnd }, utf8Text(frame, lastStart, lastEnd));
}

function cut(frame: Uint8Array, span: { start: number; end: number }, seq: string | null): Delivered | null {
  if (span.end - span.start !== SIGNATURE_HEX_DIGITS) return null;
  for (let at = span.start; at < span.end; at++) if (!isLowerHex(byteAt(frame, at))) return null;
  const data = frame.subarray(DELIVERED_PREFIX.length, span.start - DELIVERED_SIGNATURE.length);
  // Identity keys sign other strings too (`relay-register:`): D is an object.
  if (data[0] !== 0x7b || data[data.length - 1] !== 0x7d) return null;
  return { data, signature: utf8Text(frame, span.start, span.end), seq };
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
