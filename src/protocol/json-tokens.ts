import { byteAt, END, equalsAscii, HEX_DIGIT, isIn, PLAIN_TEXT } from './bytes.ts';
import { fourHex } from './json-text.ts';

/**
 * Thrown where a document is refused, and caught by whoever began to read it. Not an `Error`: a stack trace would
 * cost more than all of the reading, and hostile input is no fault of the program.
 */
export class Refused {
  /** In words that quote nothing of the document. */
  readonly reason: string;
  /** Bytes from the start of the document, at most its length. */
  readonly offset: number;

  constructor(offset: number, reason: string) {
    this.offset = offset;
    this.reason = reason;
  }
}

/** The bytes between the quotes of a string; `end` is exclusive. */
export interface StringSpan {
  start: number;
  end: number;
  /** Has a backslash escape. */
  escaped: boolean;
  /** Has a byte that is not ASCII. */
  beyondAscii: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** What may stand behind a backslash, but for `u`. */
const SIMPLE_ESCAPES = '"\\/bfnrt';

/** Behind spaces, tabs, line feeds and carriage returns (RFC 8259, section 2). */
export function afterSpace(bytes: Uint8Array, start: number): number {
  let index = start;
  let byte = byteAt(bytes, index);
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = byteAt(bytes, ++index);
  return index;
}

/** Behind the string whose opening quote stands at `quote`, which is described in `span`. */
export function afterString(bytes: Uint8Array, quote: number, span: StringSpan): number {
  let index = quote + 1;
  span.start = index;
  span.escaped = false;
  span.beyondAscii = false;
  for (;;) {
    let byte = byteAt(bytes, index);
    while (isIn(byte, PLAIN_TEXT)) byte = byteAt(bytes, ++index);
    if (byte === QUOTE) break;
    if (byte === BACKSLASH) {
      span.escaped = true;
      index = afterEscape(bytes, index);
    } else if (byte === END) {
      throw new Refused(index, 'the document ends inside a string');
    } else if (byte < 0x20) {
      throw new Refused(index, 'a control character inside a string must be written as an escape');
    } else {
      span.beyondAscii = true;
      index = afterUtf8(bytes, index);
    }
  }
  span.end = index;
  return index + 1;
}

/** RFC 8259 lets `\uD800` stand alone, and parsers differ on what it means: here surrogates come in pairs. */
function afterEscape(bytes: Uint8Array, backslash: number): number {
  const letter = byteAt(bytes, backslash + 1);
  if (letter !== LETTER_U) {
    if (letter !== END && SIMPLE_ESCAPES.includes(String.fromCharCode(letter))) return backslash + 2;
    throw new Refused(backslash, 'an unknown escape; there are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX');
  }
  const unit = unicodeEscape(bytes, backslash);
  if (unit < 0xd800 || unit > 0xdfff) return backslash + 6;
  const second = backslash + 6;
  if (unit < 0xdc00 && byteAt(bytes, second) === BACKSLASH && byteAt(bytes, second + 1) === LETTER_U) {
    const low = unicodeEscape(bytes, second);
    if (low >= 0xdc00 && low <= 0xdfff) return second + 6;
  }
  throw new Refused(backslash, 'a lone surrogate; a high one must be followed by a low one');
}

function unicodeEscape(bytes: Uint8Array, backslash: number): number {
  for (let index = backslash + 2; index < backslash + 6; index++) {
    if (!isIn(byteAt(bytes, index), HEX_DIGIT))
      throw new Refused(backslash, '\\u must be followed by four hex digits');
  }
  return fourHex(bytes, backslash + 2);
}

/** Behind one character of two to four bytes: the table of well-formed sequences in RFC 3629, section 4. */
function afterUtf8(bytes: Uint8Array, index: number): number {
  const lead = byteAt(bytes, index);
  const second = byteAt(bytes, index + 1);
  if (lead < 0xe0) {
    if (lead >= 0xc2 && isContinuation(second)) return index + 2;
  } else if (lead < 0xf0) {
    // E0 80..9F would be overlong, ED A0..BF surrogates.
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    if (second >= low && second <= high && isContinuation(byteAt(bytes, index + 2))) return index + 3;
  } else if (lead < 0xf5) {
    // F0 80..8F would be overlong, F4 90..BF beyond U+10FFFF.
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    const tail = isContinuation(byteAt(bytes, index + 2)) && isContinuation(byteAt(bytes, index + 3));
    if (second >= low && second <= high && tail) return index + 4;
  }
  throw new Refused(index, 'not valid UTF-8');
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

/** Behind the number that starts at `start` (RFC 8259, section 6). Its value is nobody's business here. */
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
