import { byteAt, hexValue } from './bytes.ts';

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** Below this, joining characters is faster than a call of the decoder. */
const SHORT_BYTES = 12;

/** Fatal, and keeps U+FEFF: what it returns is what the bytes say, or it throws. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that are known to be UTF-8, as text; throws if they are not. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** What a string says; the span is the bytes between its quotes, and a scanner has accepted them. */
export function stringText(
  bytes: Uint8Array,
  span: { readonly start: number; readonly end: number; readonly escaped: boolean },
): string {
  const { start, end } = span;
  if (!span.escaped) return run(bytes, start, end);
  let text = '';
  let runStart = start;
  let index = start;
  while (index < end) {
    if (byteAt(bytes, index) !== BACKSLASH) {
      index++;
      continue;
    }
    text += run(bytes, runStart, index);
    const letter = byteAt(bytes, index + 1);
    text += letter === LETTER_U ? String.fromCharCode(fourHex(bytes, index + 2)) : simpleEscape(letter);
    index += letter === LETTER_U ? 6 : 2;
    runStart = index;
  }
  return text + run(bytes, runStart, end);
}

/** The UTF-16 unit of `\uXXXX`, whose four digits start at `index`. */
export function fourHex(bytes: Uint8Array, index: number): number {
  let unit = 0;
  for (let digit = 0; digit < 4; digit++) unit = unit * 16 + hexValue(byteAt(bytes, index + digit));
  return unit;
}

function run(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_BYTES) return utf8Text(bytes, start, end);
  let text = '';
  for (let index = start; index < end; index++) {
    const byte = byteAt(bytes, index);
    if (byte >= 0x80) return utf8Text(bytes, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

function simpleEscape(byte: number): string {
  switch (byte) {
    case 0x62:
      return '\b';
    case 0x66:
      return '\f';
    case 0x6e:
      return '\n';
    case 0x72:
      return '\r';
    case 0x74:
      return '\t';
    default:
      return String.fromCharCode(byte);
  }
}
