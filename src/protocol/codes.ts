/**
 * User codes: 7 characters of Crockford base32 (https://www.crockford.com/base32.html), an address that people can read
 * aloud. Not a secret.
 */
export const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export const CODE_LENGTH = 7;
/** A code in its one canonical form. */
const CODE = new RegExp(`^[${CODE_ALPHABET}]{${CODE_LENGTH}}$`);
const WRITTEN = new RegExp(`^[0-9A-Za-z]{${CODE_LENGTH}}$`);

/** Whether `text` is a code in its canonical form, the only one allowed in frames. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}

/**
 * Reads a code as people write it (lower case, O for 0, I and L for 1). Returns null for anything else. Only for `GET
 * /users/:code` and user interfaces.
 */
export function readCode(text: string): string | null {
  // Upper case of U+017F (long s) is S, of U+0131 (dotless i) is I: a code is ASCII before it is anything else.
  if (!WRITTEN.test(text)) return null;
  const code = text.toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  return isCode(code) ? code : null;
}

/** Makes a code of 7 random bytes; 256 is a multiple of 32, so every character is equally likely. */
export function codeFromRandom(random: Uint8Array): string {
  let code = '';
  for (const byte of random.subarray(0, CODE_LENGTH)) code += CODE_ALPHABET.charAt(byte % 32);
  return code;
}
