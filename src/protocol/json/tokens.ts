import { byteAt, equalsAscii } from './bytes.ts';

/**
 * Thrown where a document is refused, and caught by the function that began to read it. Not an `Error`: a stack trace
 * would take longer than the reading, and hostile input is not a fault of the program.
 */
export class Refused {
  /** Quotes nothing of the document. */
  readonly reason: string;
  /** Bytes from the start of the document, at most its length. */
  readonly offset: number;

  constructor(offset: number, reason: string) {
    this.offset = offset;
    this.reason = reason;
  }
}

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Behind spaces, tabs, line feeds and carriage returns (RFC 8259, section 2). */
export function afterSpace(bytes: Uint8Array, start: number): number {
  let index = start;
  let byte = byteAt(bytes, index);
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = byteAt(bytes, ++index);
  return index;
}

/** Behind the number that starts at `start` (RFC 8259, section 6). Its value does not matter here. */
export function afterNumber(bytes: Uint8Array, start: number): number {
  let index = start;
  if (byteAt(bytes, index) === MINUS) index++;
  if (byteAt(bytes, index) === ZERO) {
    index++;
    if (isDigit(byteAt(bytes, index))) throw new Refused(index, 'a number may not begin with 0');
  } else {
    index = afterDigits(bytes, index);
  }
  if (byteAt(bytes, index) === DOT) index = afterDigits(bytes, index + 1);
  const exponent = byteAt(bytes, index);
  if (exponent === 0x65 || exponent === 0x45) {
    const sign = byteAt(bytes, index + 1);
    index = afterDigits(bytes, sign === PLUS || sign === MINUS ? index + 2 : index + 1);
  }
  return index;
}

function afterDigits(bytes: Uint8Array, start: number): number {
  let index = start;
  while (isDigit(byteAt(bytes, index))) index++;
  if (index === start) throw new Refused(Math.min(index, bytes.length), 'a digit is missing in a number');
  return index;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** Behind `true`, `false` or `null`. */
export function afterWord(bytes: Uint8Array, start: number, word: string): number {
  const end = start + word.length;
  if (!equalsAscii(bytes, { start, end }, word)) {
    throw new Refused(start, 'neither a value of JSON nor one of true, false and null');
  }
  return end;
}
