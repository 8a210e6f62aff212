import { writeSync } from 'node:fs';

/** For a reader that has stopped reading: some 5,000 lines. Beyond this, lines are lost, and counted. */
const WAITING_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 50;
/** At the end of the process, which does not wait longer for a stalled reader. */
const LAST_TRIES = 20;

export interface LogLinesOptions {
  /** Called once lines are read again, with the number of lines that were lost. */
  readonly onLost: (count: number) => void;
  /** Writes what it can and returns the number of bytes; throws EAGAIN instead of waiting. */
  readonly write?: (bytes: Uint8Array) => number;
}

/**
 * Writes lines to standard output, each at once and in a separate write, so that the order holds, even among processes
 * that share it, and the last lines before an exit are written. A stalled reader never stops the node: lines wait, up
 * to a bound, and are tried again. (pino's own synchronous output sleeps for 100 ms then, and with it every client.)
 */
export class LogLines {
  readonly #onLost: (count: number) => void;
  readonly #write: (bytes: Uint8Array) => number;
  #lines: string[] = [];
  /** What the last write has not taken. */
  #rest: Uint8Array = new Uint8Array();
  /** Of both. Never above `WAITING_BYTES_MAX`. */
  #bytes = 0;
  #lost = 0;
  /** Whether the next try is due. */
  #scheduled = false;
  /** The reader is gone for good. */
  #broken = false;

  constructor({ onLost, write = (bytes) => writeSync(1, bytes) }: LogLinesOptions) {
    this.#onLost = onLost;
    this.#write = write;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#broken || this.#bytes + bytes > WAITING_BYTES_MAX) {
      this.#lost += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
    if (!this.#scheduled) this.#flush();
  }

  /** For the end of the process. */
  end(): void {
    for (let tries = 1; tries <= LAST_TRIES && !this.#writeAll(); tries += 1) pause();
  }

  #flush(): void {
    this.#scheduled = !this.#writeAll();
    if (this.#scheduled) {
      setTimeout(() => this.#flush(), RETRY_MS).unref();
      return;
    }
    if (this.#lost === 0 || this.#broken) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#onLost(lost);
  }

  /** Returns whether nothing waits any more. */
  #writeAll(): boolean {
    if (this.#lines.length > 0) {
      this.#rest = Buffer.concat([this.#rest, Buffer.from(this.#lines.join(''))]);
      this.#lines = [];
    }
    try {
      while (this.#rest.length > 0) {
        const written = this.#write(this.#rest);
        this.#rest = this.#rest.subarray(written);
        this.#bytes -= written;
      }
      return true;
    } catch (error) {
      // The pipe is full, or the disk that the file is on: both pass.
      this.#broken = error instanceof Error && 'code' in error && error.code === 'EPIPE';
      if (this.#broken) this.#rest = new Uint8Array();
      return this.#broken;
    }
  }
}

/** Blocks: the event loop has ended, and another process reads the pipe meanwhile. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
}
