import type { Credit } from './credit.ts';
import { sealFileFrame } from './file-cipher.ts';
import type { FileFrame, FrameOutcome, LaneWork } from './file-lane.ts';
import { type FileProgress, type FileState, isOver } from './file-progress.ts';
import { Completion } from './file-transfer.ts';
import { encodeWord, type FileWord } from './file-word.ts';
import { bytesOfPart, type FileOffer, partsOf } from './offer.ts';
import { PartSet } from './part-set.ts';
import type { FileSource } from './source.ts';

/** Without a word of the recipient for so long, while parts are on their way, it is asked what it has. */
const ASK_AFTER_MS = 10_000;
/** Bytes of a frame, for so many of a part: base64, and what stands around it. */
export function frameBytesOf(partBytes: number): number {
  return Math.ceil(((partBytes + 40) * 4) / 3) + 640;
}

export interface OutgoingFileOptions {
  readonly offer: FileOffer;
  readonly message: string;
  readonly sender: string;
  readonly recipient: string;
  readonly credit: Credit;
  readonly state: FileState;
  /** Signs an envelope of type `file`. */
  readonly sign: (payload: object) => FileFrame;
  /** Sends a word at once; false if there is no connection. */
  readonly say: (frame: FileFrame) => boolean;
  /** Nothing may be sent to this peer for now. */
  readonly isBlocked: () => boolean;
  /** There are parts to send, or there is room for more. */
  readonly wake: () => void;
  /** State or progress have changed. */
  readonly onChange: (progress: FileProgress) => void;
}

interface SentPart {
  /** Grows with every part that is sent. */
  readonly order: number;
  readonly bytes: number;
  accepted: boolean;
}

/** A file from here to one recipient. */
export class OutgoingFile implements LaneWork {
  readonly completion = new Completion();
  /** The relay has, or the recipient already has, every part. */
  readonly accepted = new Completion();
  readonly #options: OutgoingFileOptions;
  /** What the recipient said last that it has. */
  #acked: PartSet;
  /** Parts on their way that the recipient has not said to have. */
  readonly #sent = new Map<number, SentPart>();
  #source: FileSource | null = null;
  #state: FileState;
  /** The recipient has asked, or need not. */
  #wanted = false;
  #closed = false;
  /** What the recipient has is in doubt: parts were on their way when a socket or a process ended. */
  #unsure = false;
  #order = 0;
  /** The `ask` that is not answered yet. */
  #asked: { readonly number: number; readonly order: number; readonly frame: FileFrame } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OutgoingFileOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#acked = new PartSet(partsOf(options.offer));
    this.completion.reached(options.state, options.offer.name);
  }

  get offer(): FileOffer {
    return this.#options.offer;
  }

  get state(): FileState {
    return this.#state;
  }

  get progress(): FileProgress {
    const { id: file, name, size, partBytes, sha256 } = this.offer;
    const bytes = this.#state === 'done' ? size : Math.min(size, this.#acked.count * partBytes);
    const { message } = this.#options;
    return { file, name, message, direction: 'sending', state: this.#state, bytes, size, sha256 };
  }

  /** The bytes of a new file are at hand. `unasked`: send them without waiting for the recipient to ask. */
  attach(source: FileSource, unasked: boolean): void {
    this.#source = source;
    this.#wanted = unasked;
    this.#become(unasked ? 'moving' : 'waiting');
    this.#options.wake();
  }

  /** The bytes are at hand again, after a restart. */
  resume(source: FileSource): void {
    if (isOver(this.#state)) return;
    this.#source = source;
    this.#unsure = !this.#wanted;
    this.#become(this.#state === 'paused' ? 'moving' : this.#state);
    this.#askIfUnsure();
    this.#options.wake();
  }

  /** The socket is logged in. */
  live(): void {
    if (isOver(this.#state)) return;
    this.#unsure ||= this.#sent.size > 0;
    // The same bytes again: the relay knows their id, and does not store them twice.
    if (this.#asked !== null) this.#options.say(this.#asked.frame);
    else this.#askIfUnsure();
  }

  async next(): ReturnType<LaneWork['next']> {
    const { credit, offer } = this.#options;
    // Kept over the reading: it may be taken away meanwhile.
    const source = this.#source;
    if (source === null || !this.#wanted || this.#state !== 'moving' || this.#options.isBlocked())
      return null;
    const part = this.#nextPart();
    if (part === null) return null;
    const bytes = frameBytesOf(bytesOfPart(offer, part));
    if (!credit.allows(bytes)) {
      if (credit.waitMs > 0) setTimeout(() => this.#options.wake(), credit.waitMs);
      return null;
    }
    credit.take(bytes);
    const sent: SentPart = { order: this.#order++, bytes, accepted: false };
    this.#sent.set(part, sent);
    this.#askLater();
    let plaintext: Uint8Array;
    try {
      plaintext = await source.read(part * offer.partBytes, bytesOfPart(offer, part));
    } catch {
      plaintext = new Uint8Array();
    }
    // The program closes its source now: that it cannot be read any more is no reason to give the file up.
    if (this.#closed) return null;
    if (plaintext.length !== bytesOfPart(offer, part)) {
      // It has become shorter, or cannot be read any more: what would arrive is not what was offered.
      this.#end('failed');
      return null;
    }
    if (this.#sent.get(part) !== sent) return null;
    const frame = this.#options.sign(sealFileFrame(plaintext, part, this.#options));
    return { ...frame, onOutcome: (outcome) => this.#outcome(part, sent, outcome) };
  }

  /** The recipient says something, which has opened under the file's key. */
  heard(word: FileWord): void {
    if (isOver(this.#state)) {
      // Cancelled while there was no connection, or done and forgotten there.
      if (word.type === 'get') this.#options.say(this.#frameOf({ type: 'cancel' }));
      return;
    }
    if (word.type === 'done') this.#finish('done');
    if (word.type === 'cancel') this.#finish('cancelled');
    if (word.type !== 'get') return;
    const have = new PartSet(this.#acked.parts, word.have);
    const answered = this.#asked !== null && word.answers === this.#asked.number ? this.#asked : null;
    if (answered !== null) this.#asked = null;
    // Parts and words arrive in the order of sending. What was sent before something that has come, and has not, is lost.
    let before = answered?.order ?? 0;
    for (const [part, { order }] of this.#sent) if (have.has(part)) before = Math.max(before, order);
    for (const [part, sent] of [...this.#sent])
      if (have.has(part) || sent.order < before) this.#forget(part, sent);
    this.#acked = have;
    this.#wanted = true;
    this.#unsure = false;
    this.#options.credit.moved();
    this.#askLater();
    this.#become(this.#source === null ? 'paused' : 'moving');
    this.#options.wake();
  }

  /** Gives it up: by the program, or because the relay will not take it. */
  cancel(): void {
    if (!isOver(this.#state)) this.#end('cancelled');
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed = true;
    this.completion.closed();
    this.accepted.closed();
  }

  #nextPart(): number | null {
    for (let part = this.#acked.firstMissing; part < this.#acked.parts; part++) {
      if (!this.#acked.has(part) && !this.#sent.has(part)) return part;
    }
    return null;
  }

  #outcome(part: number, sent: SentPart, outcome: FrameOutcome): void {
    if (this.#sent.get(part) !== sent) return;
    if (outcome === 'accepted') {
      sent.accepted = true;
      this.#tellAccepted();
      return;
    }
    if (outcome === 'full') this.#options.credit.full();
    this.#forget(part, sent);
    // No such user any more, or a frame that this relay never takes.
    if (typeof outcome === 'object') this.#end('failed');
  }

  #forget(part: number, sent: SentPart): void {
    this.#sent.delete(part);
    this.#options.credit.giveBack(sent.bytes);
  }

  #tellAccepted(): void {
    const accepted = [...this.#sent.values()].filter((sent) => sent.accepted).length;
    if (accepted + this.#acked.count === this.#acked.parts) this.accepted.reached('done', this.offer.name);
  }

  #askIfUnsure(): void {
    if (this.#unsure && this.#asked === null && this.#source !== null) this.#ask();
  }

  #ask(): void {
    const number = this.#order;
    const frame = this.#frameOf({ type: 'ask', number });
    if (this.#options.say(frame)) this.#asked = { number, order: this.#order++, frame };
  }

  #askLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#sent.size > 0 && this.#asked === null) this.#ask();
    }, ASK_AFTER_MS);
  }

  /** Ends it, and says so to the other side. */
  #end(state: 'cancelled' | 'failed'): void {
    this.#options.say(this.#frameOf({ type: 'cancel' }));
    this.#finish(state);
  }

  #finish(state: FileState): void {
    clearTimeout(this.#timer);
    for (const [part, sent] of [...this.#sent]) this.#forget(part, sent);
    this.#source = null;
    this.#become(state);
    this.accepted.reached(state, this.offer.name);
  }

  #become(state: FileState): void {
    this.#state = state;
    this.#options.onChange(this.progress);
    this.completion.reached(state, this.offer.name);
  }

  #frameOf(word: FileWord): FileFrame {
    return this.#options.sign(sealFileFrame(encodeWord(word), null, this.#options));
  }
}
