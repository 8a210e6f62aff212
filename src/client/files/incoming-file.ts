import { sealFileFrame } from './file-cipher.ts';
import type { FileFrame } from './file-lane.ts';
import { type FileProgress, type FileState, isOver } from './file-progress.ts';
import { Completion } from './file-transfer.ts';
import { encodeWord, type FileWord } from './file-word.ts';
import { bytesOfPart, type FileOffer, partsOf } from './offer.ts';
import { type PartRanges, PartSet } from './part-set.ts';
import { digestOf, type FileSink } from './source.ts';

/** A receipt after so many parts, or so long after the last one. */
const ACK_AFTER_PARTS = 3;
const ACK_AFTER_MS = 150;
/** Ranges in one receipt: it has to fit into a small frame. */
const RANGES_MAX = 200;

export interface IncomingFileOptions {
  readonly offer: FileOffer;
  readonly message: string;
  /** Codes: of the one who offers it, and ours. */
  readonly peer: string;
  readonly own: string;
  readonly state: FileState;
  readonly have: PartRanges;
  readonly sign: (payload: object) => FileFrame;
  readonly say: (frame: FileFrame) => boolean;
  readonly onChange: (progress: FileProgress) => void;
}

/** A file that the peer has offered to us. */
export class IncomingFile {
  readonly completion = new Completion();
  readonly #options: IncomingFileOptions;
  #have: PartSet;
  #state: FileState;
  #sink: FileSink | null = null;
  /** Parts that came before there was a sink. */
  readonly #early = new Map<number, Uint8Array>();
  /** Writes, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #unconfirmed = 0;
  /** The program closes its sink now: what fails from here on is no reason to give the file up. */
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: IncomingFileOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#have = new PartSet(partsOf(options.offer), options.have);
    this.completion.reached(options.state, options.offer.name);
  }

  get offer(): FileOffer {
    return this.#options.offer;
  }

  get state(): FileState {
    return this.#state;
  }

  get have(): PartRanges {
    return this.#have.ranges(RANGES_MAX);
  }

  get progress(): FileProgress {
    const { id: file, name, size, partBytes, sha256 } = this.offer;
    const count = this.#have.count + this.#early.size;
    return {
      file,
      name,
      message: this.#options.message,
      direction: 'receiving',
      state: this.#state,
      bytes: Math.min(size, count * partBytes),
      size,
      sha256,
    };
  }

  /** The program wants it. `sink` holds what it was given before, unless it is to be filled from the start. */
  attach(sink: FileSink, restart: boolean): void {
    if (isOver(this.#state)) return;
    if (restart) this.#have = new PartSet(this.#have.parts);
    this.#sink = sink;
    this.#become('moving');
    for (const [part, bytes] of [...this.#early]) this.#write(part, bytes);
    this.#early.clear();
    this.#inTurn(async () => this.#settle());
  }

  /** Whether this part, which has opened, is of use. */
  needs(part: number, bytes: Uint8Array): boolean {
    const fits = part < this.#have.parts && bytes.length === bytesOfPart(this.offer, part);
    return fits && !isOver(this.#state) && !this.#have.has(part) && !this.#early.has(part);
  }

  /** Takes a part that is needed. False if it has to be kept until there is a sink. */
  take(part: number, bytes: Uint8Array): boolean {
    if (this.#sink === null) return false;
    this.#write(part, bytes);
    return true;
  }

  /** A part that came before the program wanted the file, and is stored. */
  keep(part: number, bytes: Uint8Array): void {
    // While it was being stored, a sink may have come.
    if (this.take(part, bytes)) return;
    this.#early.set(part, bytes);
    this.#options.onChange(this.progress);
  }

  heard(word: FileWord): void {
    if (word.type === 'ask') this.#inTurn(async () => this.#answer(word.number));
    if (word.type === 'cancel' && !isOver(this.#state)) this.#become('cancelled');
  }

  /** The socket is logged in: says again what is still to come. */
  live(): void {
    if (this.#state === 'moving' && this.#sink !== null) this.#inTurn(async () => this.#get());
  }

  cancel(): void {
    this.#giveUp('cancelled');
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed = true;
    this.completion.closed();
  }

  #write(part: number, bytes: Uint8Array): void {
    const sink = this.#sink;
    this.#inTurn(async () => {
      if (sink === null || isOver(this.#state)) return;
      await sink.write(part * this.offer.partBytes, bytes);
      if (this.#closed || !this.#have.add(part)) return;
      this.#unconfirmed += 1;
      this.#options.onChange(this.progress);
      if (this.#have.isFull || this.#unconfirmed >= ACK_AFTER_PARTS) await this.#settle();
      else this.#settleLater();
    });
  }

  #settleLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#inTurn(async () => this.#settle()), ACK_AFTER_MS);
  }

  /** Says what is there, or, with the last part, that all is well. */
  async #settle(): Promise<void> {
    clearTimeout(this.#timer);
    if (isOver(this.#state)) return;
    if (!this.#have.isFull) {
      this.#get();
      return;
    }
    const sink = this.#sink;
    if (sink === null) return;
    const { size, sha256 } = this.offer;
    const digest =
      (await sink.digest?.()) ??
      (await digestOf({ size, read: (offset, length) => sink.read(offset, length) }));
    if (isOver(this.#state)) return;
    if (digest !== sha256) {
      this.#giveUp('failed');
      return;
    }
    this.#say({ type: 'done' });
    this.#become('done');
  }

  #get(answers?: number): void {
    this.#unconfirmed = 0;
    this.#say({ type: 'get', have: this.have, ...(answers === undefined ? {} : { answers }) });
  }

  #answer(number: number): void {
    if (this.#state === 'done') this.#say({ type: 'done' });
    else if (this.#state === 'cancelled' || this.#state === 'failed') this.#say({ type: 'cancel' });
    // The sender hears nothing as long as this user has not asked for the file.
    else if (this.#sink !== null) this.#get(number);
  }

  #giveUp(state: 'cancelled' | 'failed'): void {
    if (isOver(this.#state)) return;
    this.#say({ type: 'cancel' });
    this.#become(state);
  }

  #inTurn(job: () => Promise<void>): void {
    // The sink cannot write, or read what it wrote.
    this.#writing = this.#writing
      .then(() => (this.#closed ? undefined : job()))
      .catch(() => {
        if (!this.#closed) this.#giveUp('failed');
      });
  }

  #become(state: FileState): void {
    this.#state = state;
    if (isOver(state)) this.#early.clear();
    this.#options.onChange(this.progress);
    this.completion.reached(state, this.offer.name);
  }

  #say(word: FileWord): void {
    const { offer, own, peer } = this.#options;
    const context = { offer, sender: own, recipient: peer };
    this.#options.say(this.#options.sign(sealFileFrame(encodeWord(word), null, context)));
  }
}
