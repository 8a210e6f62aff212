/** Means "past the last byte" where a byte is expected: no byte has this value. */
export const END = 256;

/** The byte at `index`, or `END` past the last one, so that a scanner needs no bounds check. */
export function byteAt(bytes: Uint8Array, index: number): number {
  return index < bytes.length ? (bytes[index] ?? END) : END;
}

/** A set of bytes: 1 for its members. `END` is never one. */
export type Alphabet = Uint8Array;

export function alphabet(characters: string): Alphabet {
  const table = new Uint8Array(END + 1);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

export function isIn(byte: number, of: Alphabet): boolean {
  return of[byte] === 1;
}

export const DIGITS = '0123456789';
export const LOWER_CASE = 'abcdefghijklmnopqrstuvwxyz';
export const HEX_DIGIT = alphabet(`${DIGITS}abcdefABCDEF`);

/** Whether the span holds exactly `text`, which is ASCII. */
export function equalsAscii(bytes: Uint8Array, span: { start: number; end: number }, text: string): boolean {
  const { start, end } = span;
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** The value of a hex digit of either case. */
export function hexValue(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}
