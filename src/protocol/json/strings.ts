import { alphabet, byteAt, END, HEX_DIGIT, isIn } from './bytes.ts';
import { fourHex } from './text.ts';
import { Refused } from './tokens.ts';

/** The bytes between the quotes of a string; `end` is exclusive. */
export interface StringSpan {
  readonly start: number;
  readonly end: number;
  /** Has a backslash escape. */
  readonly escaped: boolean;
  /** Has a byte that is not ASCII. */
  readonly beyondAscii: boolean;
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** Characters allowed behind a backslash, except `u`. */
const SIMPLE_ESCAPES = '"\\/bfnrt';

/** Characters allowed in a string as they are: ASCII from space on, except `"` and `\\`. */
export const PLAIN_TEXT = alphabet(
  Array.from({ length: 0x80 - 0x20 }, (_, at) => String.fromCharCode(0x20 + at))
    .join('')
    .replace(/["\\]/g, ''),
);

/** Scans the strings of one document after the other, and describes the last one. */
export class StringScanner implements StringSpan {
  start = 0;
  end = 0;
  escaped = false;
  beyondAscii = false;
  #bytes: Uint8Array = NO_BYTES;
  /** The same bytes, four at a time. */
  #view: DataView = NO_VIEW;

  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Releases the document, which may be large. */
  finish(): void {
    this.#bytes = NO_BYTES;
    this.#view = NO_VIEW;
  }

  /** Behind the string whose opening quote stands at `quote`. */
  scan(quote: number): number {
    const bytes = this.#bytes;
    this.start = quote + 1;
    this.escaped = false;
    this.beyondAscii = false;
    let index = quote + 1;
    for (;;) {
      index = afterPlainText(bytes, this.#view, index);
      const byte = byteAt(bytes, index);
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.escaped = true;
        index = afterEscape(bytes, index);
      } else if (byte === END) {
        throw new Refused(index, 'the document ends inside a string');
      } else if (byte < 0x20) {
        throw new Refused(index, 'a control character inside a string must be written as an escape');
      } else {
        this.beyondAscii = true;
        index = afterUtf8(bytes, index);
      }
    }
    this.end = index;
    return index + 1;
  }
}

/**
 * Behind plain text, eight bytes per step: 0.25 ns a byte instead of 1.1, measured. In a word, each subtraction sets the
 * top bit of a byte that is too small; bytes whose top bit was set before are not ASCII. A borrow can reach only bytes
 * above one that stops the loop anyway.
 */
function afterPlainText(bytes: Uint8Array, view: DataView, start: number): number {
  let index = start;
  for (const last = bytes.length - 8; index <= last; index += 8) {
    const low = view.getInt32(index, true);
    const high = view.getInt32(index + 4, true);
    if (((stops(low) | stops(high)) & 0x80808080) !== 0) break;
  }
  while (isIn(byteAt(bytes, index), PLAIN_TEXT)) index++;
  return index;
}

/** The top bit of a byte is set if it is below space, a quote, a backslash, or not ASCII. */
function stops(word: number): number {
  return word | (word - 0x20202020) | ((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101);
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
