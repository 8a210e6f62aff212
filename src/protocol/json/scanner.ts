import { byteAt, END, equalsAscii } from './bytes.ts';
import { OpenNames } from './names.ts';
import { StringScanner, type StringSpan } from './strings.ts';
import { stringText, utf8Text } from './text.ts';
import { afterNumber, afterSpace, afterWord, isDigit, Refused } from './tokens.ts';

/**
 * Strict JSON (RFC 8259) read in one pass over its UTF-8 bytes, without building values.
 *
 * Two parsers must never read one document differently, so everything that RFC 8259 leaves to the parser is refused:
 * equal names in one object (compared after unescaping), `__proto__`, a byte order mark, invalid UTF-8, lone surrogates;
 * and also nesting deeper than `JSON_DEPTH_MAX`.
 *
 * Work is linear in the bytes, the stack bounded by the depth, and an ordinary document allocates next to nothing.
 */
export const JSON_DEPTH_MAX = 8;

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/** Where a value stands: `bytes[start, end)`, a string with its quotes. */
export interface JsonValueSpan {
  kind: JsonKind;
  start: number;
  end: number;
  /** A string with escapes. */
  escaped: boolean;
}

/** The place of a value that does not matter. */
export const ELSEWHERE = 0;

/**
 * Reports the values of a document while it is scanned, in the order of the bytes. Places are small numbers that the
 * caller chooses: one for the root, and by `enter` one for each member of an object that has a place. The spans change
 * with the next call.
 */
export interface JsonShape {
  /** A member of the object at `place`. Returns the place of its value, or throws `Refused`. */
  enter(place: number, name: StringSpan): number;
  leave(place: number, value: Readonly<JsonValueSpan>): void;
}

/** Reads a document whole, for HTTP bodies. Numbers are read as `JSON.parse` reads them. */
export function parseStrictJson(
  bytes: Uint8Array,
): { ok: true; value: unknown } | { ok: false; reason: string; offset: number } {
  const refused = scanner.scan(bytes);
  if (refused !== null) return { ok: false, reason: refused.reason, offset: refused.offset };
  return { ok: true, value: JSON.parse(utf8Text(bytes, 0, bytes.length)) };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const PROTO = '__proto__';
const NO_BYTES = new Uint8Array(0);

/** Scans one document at a time, and may be used again and again. */
export class JsonScanner {
  #bytes: Uint8Array = NO_BYTES;
  #shape: JsonShape | null = null;
  readonly #names = new OpenNames(JSON_DEPTH_MAX);
  readonly #string = new StringScanner();
  /** The value that ended last. */
  readonly #value: JsonValueSpan = { kind: 'null', start: 0, end: 0, escaped: false };

  /** Null if the document is strict JSON. Reports its values to `shape`; the root has `rootPlace`. */
  scan(bytes: Uint8Array, shape: JsonShape | null = null, rootPlace = ELSEWHERE): Refused | null {
    this.#bytes = bytes;
    this.#shape = shape;
    this.#string.begin(bytes);
    try {
      this.#scanDocument(rootPlace);
      return null;
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    } finally {
      // Releases the frame, which may be large.
      this.#bytes = NO_BYTES;
      this.#shape = null;
      this.#string.finish();
      this.#names.finish();
    }
  }

  #scanDocument(place: number): void {
    const bytes = this.#bytes;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
      throw new Refused(0, 'begins with a byte order mark; JSON has none');
    }
    const end = this.#scanValue(afterSpace(bytes, 0), 1, place);
    const rest = afterSpace(bytes, end);
    if (rest !== bytes.length) throw new Refused(rest, 'something follows the end of the JSON value');
  }

  /** `depth` is that of an object or array which starts here. Returns the index behind the value. */
  #scanValue(start: number, depth: number, place: number): number {
    const bytes = this.#bytes;
    const byte = byteAt(bytes, start);
    let end: number;
    let kind: JsonKind;
    let escaped = false;
    if (byte === QUOTE) {
      end = this.#string.scan(start);
      kind = 'string';
      escaped = this.#string.escaped;
    } else if (byte === OPEN_BRACE) {
      end = this.#scanObject(start, depth, place);
      kind = 'object';
    } else if (byte === OPEN_BRACKET) {
      end = this.#scanArray(start, depth);
      kind = 'array';
    } else if (isDigit(byte) || byte === MINUS) {
      end = afterNumber(bytes, start);
      kind = 'number';
    } else if (byte === 0x6e) {
      end = afterWord(bytes, start, 'null');
      kind = 'null';
    } else {
      if (byte === END) throw new Refused(start, 'the document ends where a value is expected');
      end = afterWord(bytes, start, byte === 0x74 ? 'true' : 'false');
      kind = 'boolean';
    }
    if (place !== ELSEWHERE) this.#leave(place, kind, start, end, escaped);
    return end;
  }

  #scanObject(open: number, depth: number, place: number): number {
    const bytes = this.#bytes;
    if (depth > JSON_DEPTH_MAX) throw new Refused(open, TOO_DEEP);
    this.#names.open(depth);
    let index = afterSpace(bytes, open + 1);
    if (byteAt(bytes, index) === CLOSE_BRACE) return index + 1;
    for (;;) {
      if (byteAt(bytes, index) !== QUOTE) throw new Refused(index, 'a name in double quotes is expected');
      index = afterSpace(bytes, this.#string.scan(index));
      const child = this.#enterMember(depth, place);
      if (byteAt(bytes, index) !== COLON) throw new Refused(index, 'a colon is expected behind a name');
      index = this.#scanValue(afterSpace(bytes, index + 1), depth + 1, child);
      index = afterSpace(bytes, index);
      const byte = byteAt(bytes, index);
      if (byte === CLOSE_BRACE) return index + 1;
      if (byte !== COMMA) throw new Refused(index, 'a comma or } is expected behind a member');
      index = afterSpace(bytes, index + 1);
    }
  }

  /** For the name just read, in the object at `place`: returns the place of its value. */
  #enterMember(depth: number, place: number): number {
    const bytes = this.#bytes;
    const name = this.#string;
    if (isProto(bytes, name)) throw new Refused(name.start - 1, 'the name __proto__ is not allowed');
    const child = place === ELSEWHERE || this.#shape === null ? ELSEWHERE : this.#shape.enter(place, name);
    if (!this.#names.add(bytes, depth, name)) {
      throw new Refused(name.start - 1, 'a name stands twice in one object');
    }
    return child;
  }

  #scanArray(open: number, depth: number): number {
    const bytes = this.#bytes;
    if (depth > JSON_DEPTH_MAX) throw new Refused(open, TOO_DEEP);
    let index = afterSpace(bytes, open + 1);
    if (byteAt(bytes, index) === CLOSE_BRACKET) return index + 1;
    for (;;) {
      index = afterSpace(bytes, this.#scanValue(index, depth + 1, ELSEWHERE));
      const byte = byteAt(bytes, index);
      if (byte === CLOSE_BRACKET) return index + 1;
      if (byte !== COMMA) throw new Refused(index, 'a comma or ] is expected behind an element');
      index = afterSpace(bytes, index + 1);
    }
  }

  #leave(place: number, kind: JsonKind, start: number, end: number, escaped: boolean): void {
    const value = this.#value;
    value.kind = kind;
    value.start = start;
    value.end = end;
    value.escaped = escaped;
    this.#shape?.leave(place, value);
  }
}

/** Assigning it in JavaScript would change an object's prototype instead of a member. */
function isProto(bytes: Uint8Array, name: StringSpan): boolean {
  if (name.escaped) return stringText(bytes, name) === PROTO;
  return equalsAscii(bytes, name, PROTO);
}

const TOO_DEEP = `nested deeper than ${JSON_DEPTH_MAX} levels`;

const scanner = new JsonScanner();
