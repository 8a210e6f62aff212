import { RedisError, type Reply } from './reply.ts';

/** What a connection hears, one call for each complete message, in the order in which the server sent them. */
export interface RespListener {
  onReply(reply: Reply): void;
  onError(error: RedisError): void;
  /** Not an answer to a command, or to one that subscribes: its kind, and what belongs to that. */
  onPush(message: readonly Reply[]): void;
}

/** What came is no message for a client: the connection is of no use any more. */
export class NotResp extends Error {}

const CR = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;

/** First bytes of values. */
const SIMPLE_STRING = 0x2b;
const SIMPLE_ERROR = 0x2d;
const INTEGER = 0x3a;
const BULK_STRING = 0x24;
const ARRAY = 0x2a;
const NULL = 0x5f;
const BOOLEAN = 0x23;
const DOUBLE = 0x2c;
const BIG_NUMBER = 0x28;
const BULK_ERROR = 0x21;
const VERBATIM_STRING = 0x3d;
const MAP = 0x25;
const SET = 0x7e;
const PUSH = 0x3e;
/** A map about the value behind it, which a client may ignore. */
const ATTRIBUTE = 0x7c;

const TRUE = 0x74;
/** `txt:` or `mkd:` in front of a verbatim string. */
const VERBATIM_PREFIX = 4;
/** Lists in lists: far more than in any answer that the relay asks for. */
const DEPTH_MAX = 64;

/** Types of many values, and how many values each counted one is. */
const VALUES_EACH: ReadonlyMap<number, 1 | 2> = new Map([
  [ARRAY, 1],
  [PUSH, 1],
  [SET, 1],
  [MAP, 2],
  [ATTRIBUTE, 2],
]);

/** A list whose values have not all come. */
interface OpenList {
  readonly type: number;
  readonly values: Reply[];
  missing: number;
}

/**
 * Reads RESP, version 2 or 3, from the chunks of a socket (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 * Strings of every kind are parts of the chunk they came in, not copies; a map is a list of keys and values.
 */
export class RespReader {
  readonly #listener: RespListener;
  /** The beginning of a value that is not complete, and how many bytes it has at least. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #neededBytes = 0;
  /** What is being read, and where. */
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** After an incomplete value: how many bytes are missing at least. */
  #missing = 1;
  /** From the outermost in. A long list is read on at the next chunk, not again. */
  readonly #lists: OpenList[] = [];

  constructor(listener: RespListener) {
    this.#listener = listener;
  }

  /** @throws NotResp */
  read(chunk: Buffer): void {
    this.#bytes = chunk;
    if (this.#restBytes > 0) {
      this.#keep(chunk);
      if (this.#restBytes < this.#neededBytes) return;
      this.#bytes = Buffer.concat(this.#rest, this.#restBytes);
      this.#rest = [];
      this.#restBytes = 0;
    }
    this.#at = 0;
    while (this.#at < this.#bytes.length) {
      const start = this.#at;
      if (this.#next()) continue;
      const bytes = this.#bytes.subarray(start);
      this.#keep(bytes);
      this.#neededBytes = bytes.length + this.#missing;
      return;
    }
  }

  #keep(bytes: Buffer): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  /** Reads one value, of a list only its length. False if that is not complete. */
  #next(): boolean {
    const type = this.#bytes[this.#at] ?? 0;
    const each = VALUES_EACH.get(type);
    if (each !== undefined) return this.#list(type, each);
    if ((type === SIMPLE_ERROR || type === BULK_ERROR) && this.#lists.length === 0) return this.#error(type);
    const value = this.#value(type);
    if (value === undefined) return false;
    this.#complete(type, value);
    return true;
  }

  /** Only as a message: no command of the relay has an error in a list. */
  #error(type: number): boolean {
    const line = type === SIMPLE_ERROR ? this.#line() : this.#string();
    if (line === undefined) return false;
    this.#listener.onError(new RedisError(String(line)));
    return true;
  }

  #list(type: number, each: 1 | 2): boolean {
    const length = this.#integer();
    if (length === undefined) return false;
    if (length <= 0) {
      this.#complete(type, length === 0 ? [] : null);
      return true;
    }
    if (this.#lists.length === DEPTH_MAX)
      throw new NotResp(`Redis sent a list in ${DEPTH_MAX} others: no answer of its commands is like that`);
    this.#lists.push({ type, values: [], missing: length * each });
    return true;
  }

  /** A value has come: for the innermost open list, which it may complete, or as a message. */
  #complete(type: number, value: Reply): void {
    // About the value behind them; a client may ignore them.
    if (type === ATTRIBUTE) return;
    const list = this.#lists.at(-1);
    if (list === undefined) {
      if (type === PUSH) this.#listener.onPush((value ?? []) as readonly Reply[]);
      else this.#listener.onReply(value);
      return;
    }
    list.values.push(value);
    list.missing -= 1;
    if (list.missing > 0) return;
    this.#lists.pop();
    this.#complete(list.type, list.values);
  }

  /** One that is no list. Undefined if it is not complete. */
  #value(type: number): Reply | undefined {
    switch (type) {
      case BULK_STRING:
        return this.#string();
      case INTEGER:
        return this.#integer();
      case SIMPLE_STRING:
      case DOUBLE:
      case BIG_NUMBER:
        return this.#line();
      case NULL:
        return this.#line() === undefined ? undefined : null;
      case BOOLEAN: {
        const line = this.#line();
        return line === undefined ? undefined : Number(line[0] === TRUE);
      }
      case VERBATIM_STRING: {
        const text = this.#string();
        return text instanceof Buffer ? text.subarray(VERBATIM_PREFIX) : text;
      }
      default:
        throw new NotResp(
          `Redis sent a value that begins with the byte 0x${type.toString(16)}: this is not RESP`,
        );
    }
  }

  #incomplete(missing: number): undefined {
    this.#missing = missing;
  }

  #string(): Buffer | null | undefined {
    const length = this.#integer();
    if (length === undefined) return undefined;
    if (length < 0) return null;
    const start = this.#at;
    const next = start + length + 2;
    if (next > this.#bytes.length) return this.#incomplete(next - this.#bytes.length);
    this.#at = next;
    return this.#bytes.subarray(start, start + length);
  }

  /** Without the first byte. */
  #line(): Buffer | undefined {
    const end = this.#bytes.indexOf(CR, this.#at);
    if (end < 0 || end + 2 > this.#bytes.length) return this.#incomplete(1);
    const line = this.#bytes.subarray(this.#at + 1, end);
    this.#at = end + 2;
    return line;
  }

  #integer(): number | undefined {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at += 1;
    let number = 0;
    for (; ; at += 1) {
      // With the line feed behind it.
      if (at + 1 >= bytes.length) return this.#incomplete(1);
      const byte = bytes[at] ?? CR;
      if (byte === CR) break;
      number = number * 10 + (byte - ZERO);
    }
    this.#at = at + 2;
    return isNegative ? -number : number;
  }
}
