/**
 * The Redis serialization protocol, version 2 (https://redis.io/docs/latest/develop/reference/protocol-spec/),
 * as far as the commands of this engine need it. Bulk strings stay bytes: frames are never turned into text.
 */

/** Strings must be ASCII; anything else is given as bytes. */
export type Argument = string | Buffer;

export type Reply = string | number | null | Buffer | RedisError | readonly Reply[];

/** An error that Redis answered. `kind` is its first word: `MOVED`, `OOM`, `NOSCRIPT` … */
export class RedisError extends Error {
  readonly kind: string;

  constructor(line: string) {
    super(line);
    this.kind = line.split(' ', 1)[0] ?? '';
  }
}

const CHUNK_BYTES = 64 * 1024;
const CRLF = '\r\n';

/**
 * Collects commands as bytes, so that all that a tick asks for leaves in one write. Written to its end a chunk is
 * replaced, never reused: the socket may still hold what was taken from it.
 */
export class RequestBuffer {
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  /** What lies before it in the chunk was taken. */
  #from = 0;
  #to = 0;
  #full: Buffer[] = [];
  /** All bytes ever added. */
  #written = 0;

  /** Returns the number of bytes that the command takes. */
  add(args: readonly Argument[]): number {
    const before = this.#written;
    let text = `*${args.length}${CRLF}`;
    for (const arg of args) {
      text += `$${arg.length}${CRLF}`;
      if (typeof arg === 'string') {
        text += arg + CRLF;
        continue;
      }
      this.#addText(text);
      this.#addBytes(arg);
      text = CRLF;
    }
    this.#addText(text);
    return this.#written - before;
  }

  /** Everything added since the last call, in order. */
  take(): Buffer[] {
    this.#close();
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  #addText(text: string): void {
    this.#reserve(text.length);
    this.#to += this.#chunk.write(text, this.#to, 'latin1');
    this.#written += text.length;
  }

  #addBytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#to += bytes.copy(this.#chunk, this.#to);
    this.#written += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#to + bytes <= this.#chunk.length) return;
    this.#close();
    this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes));
    this.#from = 0;
    this.#to = 0;
  }

  #close(): void {
    if (this.#to > this.#from) this.#full.push(this.#chunk.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

/** Redis' own bound of a bulk string; more means that the stream is not what we think. */
const BULK_BYTES_MAX = 512 * 1024 * 1024;
const DEPTH_MAX = 8;

const NOTHING: Buffer = Buffer.alloc(0);

const MINUS = 0x2d;
const PLUS = 0x2b;
const COLON = 0x3a;
const DOLLAR = 0x24;
const STAR = 0x2a;
const CR = 0x0d;

/** Cuts a stream of bytes into replies. Bulk strings are views into the chunks that arrived. */
export class ReplyParser {
  readonly #onReply: (reply: Reply) => void;
  #data: Buffer = NOTHING;
  #position = 0;
  /** Before so many bytes are there, the reply that was begun cannot be whole: do not try again. */
  #needed = 0;

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  /** @throws if the bytes are not the protocol; the connection is useless then */
  push(chunk: Buffer): void {
    this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
    if (this.#data.length < this.#needed) return;
    let done = 0;
    this.#position = 0;
    this.#needed = 0;
    while (done < this.#data.length) {
      const reply = this.#value(0);
      if (reply === undefined) break;
      done = this.#position;
      this.#onReply(reply);
    }
    if (this.#needed > 0) this.#needed -= done;
    // Not an empty view: that would keep the whole chunk alive.
    this.#data = done === this.#data.length ? NOTHING : this.#data.subarray(done);
  }

  /** undefined: not whole yet. */
  #value(depth: number): Reply | undefined {
    const type = this.#data[this.#position];
    const end = this.#data.indexOf(CR, this.#position + 1);
    if (type === undefined || end < 0 || end + 2 > this.#data.length) return undefined;
    const start = this.#position + 1;
    this.#position = end + 2;
    switch (type) {
      case DOLLAR:
        return this.#bulk(this.#integer(start, end));
      case COLON:
        return this.#integer(start, end);
      case STAR:
        return this.#array(this.#integer(start, end), depth);
      case PLUS:
        return this.#data.toString('latin1', start, end);
      case MINUS:
        return new RedisError(this.#data.toString('latin1', start, end));
      default:
        throw new Error(`not a Redis reply: it begins with byte ${type}`);
    }
  }

  #bulk(length: number): Buffer | null | undefined {
    if (length === -1) return null;
    if (length < 0 || length > BULK_BYTES_MAX) throw new Error(`a Redis string of ${length} bytes`);
    const start = this.#position;
    const end = start + length;
    if (end + 2 > this.#data.length) {
      this.#needed = end + 2;
      return undefined;
    }
    this.#position = end + 2;
    return this.#data.subarray(start, end);
  }

  #array(length: number, depth: number): Reply[] | null | undefined {
    if (length === -1) return null;
    if (length < 0 || depth >= DEPTH_MAX) throw new Error(`a Redis array of ${length} at depth ${depth}`);
    const values: Reply[] = [];
    while (values.length < length) {
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }

  #integer(start: number, end: number): number {
    const value = Number(this.#data.toString('latin1', start, end));
    if (!Number.isSafeInteger(value)) throw new Error(`not a Redis integer: byte ${start} to ${end}`);
    return value;
  }
}
