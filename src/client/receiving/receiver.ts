import type { IncomingEnvelope } from '../connection/incoming.ts';
import { ClientError } from '../errors.ts';

/** More than an honest relay leaves unconfirmed (256 envelopes or 1 MiB): beyond this the socket is dropped. */
const QUEUE_MAX = 1_024;
const QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** Messages that wait for the program. Beyond this the client takes and confirms nothing, so the relay stops sending. */
const UNHANDLED_MAX = 2_000;
/** docs/protocol.md 4 asks for an acknowledgement after 64 envelopes or 1 s at the latest. */
const CONFIRM_AFTER_ENVELOPES = 32;
/** Large envelopes fill the sender's share of the mailbox until they are confirmed: so many characters count as one. */
const CHARACTERS_AS_ONE = 4_096;
const CONFIRM_AFTER_MS = 200;
/** An envelope on which earlier processes of this client have ended so often is skipped. */
const DEADLY_AFTER_TRIES = 5;

export interface ReceiverOptions {
  /** Resolves once the envelope's effects are stored. */
  readonly take: (envelope: IncomingEnvelope) => Promise<void>;
  /** Protocol 2: everything up to this seq is stored. */
  readonly confirm: (seq: string) => void;
  /** Protocol 2: this envelope cannot be taken, and should not come again. */
  readonly skip: (seq: string) => void;
  /** The relay sends more than it may: drop the socket. */
  readonly onFlood: (error: ClientError) => void;
  readonly onBroken: (error: unknown) => void;
}

/** Handles envelopes one after the other, in the order of arrival, and confirms them once they are stored. */
export class Receiver {
  readonly #options: ReceiverOptions;
  /** Of the current socket only: the relay repeats unconfirmed envelopes on the next one. */
  #queue: IncomingEnvelope[] = [];
  /** Sum over `#queue`, at most `QUEUE_BYTES_MAX`. */
  #queuedBytes = 0;
  #socket = 0;
  #running: Promise<void> | null = null;
  /** Stored but not confirmed on this socket; `seq` is the newest, and `count` their number, see `CHARACTERS_AS_ONE`. */
  #owed = { seq: '', count: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unhandled = 0;
  #onRoom: (() => void) | null = null;
  #closed = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** A new socket: the old one's sequence numbers mean nothing on it. */
  reset(): void {
    this.#socket += 1;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#owed = { seq: '', count: 0 };
    clearTimeout(this.#timer);
  }

  push(envelope: IncomingEnvelope): void {
    if (this.#closed) return;
    this.#queuedBytes += envelope.data.length;
    if (this.#queue.length >= QUEUE_MAX || this.#queuedBytes > QUEUE_BYTES_MAX) {
      this.reset();
      this.#options.onFlood(
        new ClientError('unreachable', 'The relay sent more unconfirmed envelopes than the protocol allows.'),
      );
      return;
    }
    this.#queue.push(envelope);
    this.#running ??= this.#run();
  }

  /** A message waits for the program. */
  added(): void {
    this.#unhandled += 1;
  }

  /** The program is done with one. */
  handled(): void {
    this.#unhandled -= 1;
    if (this.#unhandled < UNHANDLED_MAX) this.#onRoom?.();
  }

  close(): void {
    this.#closed = true;
    this.reset();
    this.#onRoom?.();
  }

  /** Resolves when the current envelope has been handled. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // Runs after the caller of `push`, so that a chunk of frames is queued whole first.
      await Promise.resolve();
      for (;;) {
        if (this.#unhandled >= UNHANDLED_MAX) await this.#room();
        const envelope = this.#queue.shift();
        if (envelope === undefined || this.#closed) return;
        this.#queuedBytes -= envelope.data.length;
        const socket = this.#socket;
        if (envelope.seq !== null && this.#isDeadly(envelope)) {
          this.#confirm();
          this.#options.skip(envelope.seq);
          continue;
        }
        await this.#options.take(envelope);
        if (socket === this.#socket && envelope.seq !== null) this.#owe(envelope.seq, envelope.data.length);
      }
    } catch (error) {
      this.#options.onBroken(error);
    } finally {
      this.#running = null;
      if (this.#queue.length > 0) this.#running = this.#run();
    }
  }

  /** Sockets that this process has survived count for nothing: a bad network is no bad envelope. */
  #isDeadly({ tries }: IncomingEnvelope): boolean {
    return tries - this.#socket >= DEADLY_AFTER_TRIES;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = () => {
        this.#onRoom = null;
        resolve();
      };
    });
  }

  #owe(seq: string, length: number): void {
    if (this.#owed.count === 0) this.#timer = setTimeout(() => this.#confirm(), CONFIRM_AFTER_MS);
    this.#owed = { seq, count: this.#owed.count + 1 + length / CHARACTERS_AS_ONE };
    if (this.#owed.count >= CONFIRM_AFTER_ENVELOPES) this.#confirm();
  }

  #confirm(): void {
    clearTimeout(this.#timer);
    const { seq, count } = this.#owed;
    this.#owed = { seq: '', count: 0 };
    if (count > 0) this.#options.confirm(seq);
  }
}
