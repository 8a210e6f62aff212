/**
 * Of a mailbox, what parts of files may take before their recipient has them. The relay gives one sender a quarter, and
 * counts what the recipient has, but has not acknowledged yet.
 */
const SHARE_OF_MAILBOX = 1 / 8;
/** Enough for the fastest relay; more would only wait there. */
const BYTES_MAX = 4_194_304;
/** After a full mailbox, at first and at most. */
const REST_FIRST_MS = 300;
const REST_LONGEST_MS = 10_000;

/** How much of files is on its way to one recipient, so that it does not crowd messages out of the mailbox. */
export class Credit {
  readonly #mailboxBytes: () => number;
  #used = 0;
  /** Of files that were sent without being asked for and have not arrived. */
  #unasked = 0;
  #restMs = 0;
  #notBeforeMs = 0;

  constructor(mailboxBytes: () => number) {
    this.#mailboxBytes = mailboxBytes;
  }

  /** Milliseconds until something may be sent again after a full mailbox; 0 if now. */
  get waitMs(): number {
    return Math.max(0, this.#notBeforeMs - performance.now());
  }

  /** Whether a frame of so many bytes may go now; one always may. */
  allows(bytes: number): boolean {
    return this.waitMs === 0 && (this.#used === 0 || this.#used + bytes <= this.#total);
  }

  /** Whether frames of so many bytes in all may be sent to a recipient who has not asked for them. */
  allowsUnasked(bytes: number): boolean {
    return this.#unasked + bytes <= this.#total;
  }

  takeUnasked(bytes: number): void {
    this.#unasked += bytes;
  }

  giveBackUnasked(bytes: number): void {
    this.#unasked -= bytes;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }

  /** The recipient has something of it: there is room again. */
  moved(): void {
    this.#restMs = 0;
    this.#notBeforeMs = 0;
  }

  full(): void {
    this.#restMs = Math.min(REST_LONGEST_MS, Math.max(REST_FIRST_MS, this.#restMs * 2));
    this.#notBeforeMs = performance.now() + this.#restMs;
  }

  get #total(): number {
    return Math.min(BYTES_MAX, this.#mailboxBytes() * SHARE_OF_MAILBOX);
  }
}
