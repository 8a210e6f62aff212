/** Stands for "past the last byte" where a byte is expected: no byte has this value. */
export const END = 256;

/** The byte at `index`, or `END` past the last one: so a scanner needs no bounds check of its own. */
export function byteAt(bytes: Uint8Array, index: number): number {
  return index < bytes.length ? (bytes[index] ?? END) : END;
}

/** What a byte may be part of, as a bit each: one table for both. */
export const PLAIN_TEXT = 1;
export const HEX_DIGIT = 2;

const CLASSES = new Uint8Array(END + 1);
// May stand in a JSON string as they are and need no further check: ASCII from space on, but quote and backslash.
for (let byte = 0x20; byte < 0x80; byte++) if (byte !== 0x22 && byte !== 0x5c) addTo(PLAIN_TEXT, byte);
for (const digit of '0123456789abcdefABCDEF') addTo(HEX_DIGIT, digit.charCodeAt(0));

function addTo(mask: number, byte: number): void {
  CLASSES[byte] = (CLASSES[byte] ?? 0) | mask;
}

/** Whether a byte (or `END`, which is in no class) is in any class of `mask`. */
export function isIn(byte: number, mask: number): boolean {
  return ((CLASSES[byte] ?? 0) & mask) !== 0;
}

/** Whether the span holds exactly `text`, which is ASCII. */
export function equalsAscii(bytes: Uint8Array, span: { start: number; end: number }, text: string): boolean {
  const { start, end } = span;
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** The value of a hex digit of either case; the byte must be one. */
export function hexValue(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}
