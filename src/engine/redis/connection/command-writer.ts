import type { Writable } from 'node:stream';
import type { Argument } from './reply.ts';

const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const ASCII_MAX = 0x7f;

const SLAB_BYTES = 64 * 1024;
/** Slabs that the socket has written and that wait for their next use. */
const SLABS_KEPT = 4;
/** Fewer bytes than this are copied out of the slab if they have to wait for the socket. */
const COPIED_BYTES = SLAB_BYTES / 2;
/** `$<length>\r\n` and the end of the line behind the argument. */
const FRAMING_BYTES = 24;
/** Up to here a loop is cheaper than a call of native code. */
const SHORT_TEXT = 64;
const UTF8_BYTES_MAX = 3;

/**
 * Writes commands as RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/). All commands of one tick of the
 * event loop are gathered as bytes in one slab of memory and leave in one write.
 */
export class CommandWriter {
  readonly #stream: Writable;
  readonly #free: Buffer[] = [];
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #at = 0;
  #scheduled = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(name: string, args: readonly Argument[]): void {
    this.#reserve(FRAMING_BYTES);
    this.#count(ASTERISK, args.length + 1);
    this.#text(name);
    for (const arg of args) {
      if (typeof arg === 'string') this.#text(arg);
      else this.#binary(arg);
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #text(text: string): void {
    if (text.length <= SHORT_TEXT && this.#ascii(text)) return;
    const length = Buffer.byteLength(text);
    this.#reserve(length + FRAMING_BYTES);
    this.#count(DOLLAR, length);
    this.#at += this.#slab.write(text, this.#at, length === text.length ? 'latin1' : 'utf8');
    this.#endLine();
  }

  /** False, and nothing written, if the text has other characters. */
  #ascii(text: string): boolean {
    this.#reserve(text.length * UTF8_BYTES_MAX + FRAMING_BYTES);
    const start = this.#at;
    this.#count(DOLLAR, text.length);
    const slab = this.#slab;
    let at = this.#at;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > ASCII_MAX) {
        this.#at = start;
        return false;
      }
      slab[at] = unit;
      at += 1;
    }
    this.#at = at;
    this.#endLine();
    return true;
  }

  #binary(bytes: Buffer): void {
    this.#reserve(bytes.length + FRAMING_BYTES);
    this.#count(DOLLAR, bytes.length);
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
    this.#endLine();
  }

  /** A line of a type and a number of at least 0. */
  #count(type: number, number: number): void {
    this.#slab[this.#at] = type;
    let digits = 1;
    for (let rest = number; rest >= 10; rest = Math.trunc(rest / 10)) digits += 1;
    let rest = number;
    for (let at = this.#at + digits; at > this.#at; at -= 1) {
      this.#slab[at] = ZERO + (rest % 10);
      rest = Math.trunc(rest / 10);
    }
    this.#at += digits + 1;
    this.#endLine();
  }

  #endLine(): void {
    this.#slab[this.#at] = CR;
    this.#slab[this.#at + 1] = LF;
    this.#at += 2;
  }

  /** Room for so many bytes in the slab. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    this.#flush();
    if (bytes > this.#slab.length) this.#slab = Buffer.allocUnsafeSlow(bytes);
  }

  #flush(): void {
    if (this.#at === 0) return;
    const slab = this.#slab;
    const bytes = slab.subarray(0, this.#at);
    this.#at = 0;
    // While Redis reads nothing, a slab for each tick would hold gigabytes of memory within seconds.
    if (this.#stream.writableLength > 0 && bytes.length < COPIED_BYTES) {
      this.#stream.write(Buffer.from(bytes));
      return;
    }
    this.#stream.write(bytes, () => {
      if (this.#free.length < SLABS_KEPT && slab.length === SLAB_BYTES) this.#free.push(slab);
    });
    this.#slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  }
}
