import { fromBase64, toBase64 } from '../../crypto/base64.ts';
import { newEnvelopeId } from '../connection/envelope-id.ts';
import { ClientError } from '../errors.ts';
import { Batch, type Records } from '../storage/records.ts';
import { Credit } from './credit.ts';
import { openFileFrame, readFileFrame } from './file-cipher.ts';
import type { FileFrame, FileLane } from './file-lane.ts';
import { type FileProgress, type FileState, isOver } from './file-progress.ts';
import { decodeWord } from './file-word.ts';
import { IncomingFile } from './incoming-file.ts';
import { type FileOffer, partsOf } from './offer.ts';
import { frameBytesOf, OutgoingFile } from './outgoing-file.ts';
import type { PartRanges } from './part-set.ts';
import type { FileSink, FileSource } from './source.ts';

/** Files of one peer that are remembered, of each direction: beyond, the oldest are forgotten. */
const REMEMBERED_MAX = 500;
/** Bytes of parts that are kept for files that the program has not asked for. */
const EARLY_BYTES_MAX = 1_048_576;
/** How often the parts of a file that is coming in are noted: what came since is sent again after a crash. */
const NOTE_AFTER_MS = 1_000;

interface StoredFile {
  readonly offer: FileOffer;
  readonly state: FileState;
  /** Id of the message that it came with. */
  readonly message: string;
}
interface StoredIncoming extends StoredFile {
  readonly have: PartRanges;
}

export interface PeerFilesOptions {
  /** Codes. */
  readonly peer: string;
  readonly own: string;
  readonly records: Records;
  readonly lane: FileLane;
  readonly mailboxBytes: () => number;
  /** Nothing may be sent to the peer for now: its key has changed. */
  readonly isBlocked: () => boolean;
  /** Signs an envelope of type `file` with this payload. */
  readonly sign: (id: string, payload: object) => string;
  readonly onProgress: (progress: FileProgress) => void;
  readonly onBroken: (error: unknown) => void;
}

/** The files between this user and one peer, in both directions. */
export class PeerFiles {
  readonly #options: PeerFilesOptions;
  readonly #credit: Credit;
  readonly #outgoing = new Map<string, OutgoingFile>();
  readonly #incoming = new Map<string, IncomingFile>();
  #earlyBytes = 0;
  #noting = new Map<string, { readonly timer: ReturnType<typeof setTimeout>; readonly commit: () => void }>();

  constructor(options: PeerFilesOptions) {
    this.#options = options;
    this.#credit = new Credit(options.mailboxBytes);
    const { records, peer } = options;
    for (const [, stored] of records.list<StoredFile>(`file-out:${peer}:`)) {
      this.#outgoing.set(stored.offer.id, this.#makeOutgoing({ ...stored, state: paused(stored.state) }));
    }
    for (const [, stored] of records.list<StoredIncoming>(`file-in:${peer}:`)) {
      this.#incoming.set(stored.offer.id, this.#makeIncoming({ ...stored, state: paused(stored.state) }));
    }
    for (const [key, text] of records.list<string>(`file-part:${peer}:`)) {
      const [, , id = '', part = ''] = key.split(':');
      const bytes = fromBase64(text) ?? new Uint8Array();
      this.#earlyBytes += bytes.length;
      this.#incoming.get(id)?.keep(Number(part), bytes);
    }
  }

  /** All that are remembered. */
  get progress(): readonly FileProgress[] {
    return [...this.#outgoing.values(), ...this.#incoming.values()].map((file) => file.progress);
  }

  /** Whether all of it may wait in the recipient's mailbox, as it stands now. */
  fitsMailbox(offer: FileOffer): boolean {
    return this.#credit.allowsUnasked(framesBytesOf(offer));
  }

  /** Notes a file that is being offered, in the write that stores the message. */
  offer(offer: FileOffer, message: string, batch: Batch): OutgoingFile {
    const file = this.#makeOutgoing({ offer, message, state: 'waiting' });
    this.#outgoing.set(offer.id, file);
    batch.set(this.#key('file-out', offer.id), this.#stored(file));
    this.#forgetOldest(this.#outgoing, 'file-out', batch);
    return file;
  }

  /** Lets parts go; those that the recipient has not asked for only once the relay has the offer: without it they mean nothing. */
  send(file: OutgoingFile, source: FileSource, unasked: boolean, offered: Promise<void>): void {
    const bytes = unasked ? framesBytesOf(file.offer) : 0;
    this.#credit.takeUnasked(bytes);
    const giveBack = () => this.#credit.giveBackUnasked(bytes);
    file.completion.promise.then(giveBack, giveBack);
    file.attach(source, unasked);
    offered.then(
      () => this.#options.lane.add(file),
      () => file.cancel(),
    );
  }

  outgoing(id: string): OutgoingFile {
    const found = this.#outgoing.get(id);
    if (found === undefined) throw new ClientError('invalid_argument', `No file ${id} was offered here.`);
    return found;
  }

  resume(id: string, source: FileSource): OutgoingFile {
    const file = this.outgoing(id);
    if (source.size !== file.offer.size) {
      const { name, size } = file.offer;
      throw new ClientError('invalid_argument', `${name} had ${size} bytes, and now has ${source.size}.`);
    }
    file.resume(source);
    if (!isOver(file.state)) this.#options.lane.add(file);
    return file;
  }

  incoming(id: string): IncomingFile {
    const found = this.#incoming.get(id);
    if (found === undefined)
      throw new ClientError('invalid_argument', `No file ${id} was offered in this conversation.`);
    return found;
  }

  receive(id: string, sink: FileSink, restart: boolean): IncomingFile {
    const file = this.incoming(id);
    file.attach(sink, restart);
    return file;
  }

  /** A message came with this offer. Call the returned function once the batch is stored. */
  offered(offer: FileOffer, message: string, batch: Batch): () => void {
    // A peer that uses an id again would exchange one file for another.
    if (this.#incoming.has(offer.id) || this.#outgoing.has(offer.id)) return () => {};
    const file = this.#makeIncoming({ offer, message, state: 'waiting', have: [] });
    this.#incoming.set(offer.id, file);
    batch.set(this.#key('file-in', offer.id), this.#storedIncoming(file));
    this.#forgetOldest(this.#incoming, 'file-in', batch);
    return () => this.#options.onProgress(file.progress);
  }

  /** An envelope of type `file` came, and its signature has verified. Call the returned function once the batch is stored. */
  received(payload: unknown, batch: Batch): () => void {
    const { peer: sender, own: recipient } = this.#options;
    const frame = readFileFrame(payload);
    const incoming = this.#incoming.get(frame?.file ?? '');
    const outgoing = this.#outgoing.get(frame?.file ?? '');
    const offer = incoming?.offer ?? outgoing?.offer;
    if (frame === null || offer === undefined) return () => {};
    const plaintext = openFileFrame(frame, { offer, sender, recipient });
    if (plaintext === null) return () => {};
    if (frame.part !== undefined) {
      return incoming === undefined ? () => {} : this.#part(incoming, frame.part, plaintext, batch);
    }
    const word = decodeWord(plaintext);
    return () => {
      if (word === null) return;
      incoming?.heard(word);
      outgoing?.heard(word);
    };
  }

  /** Gives a file up, of either direction. */
  cancel(id: string): void {
    this.#outgoing.get(id)?.cancel();
    this.#incoming.get(id)?.cancel();
  }

  live(): void {
    for (const file of this.#outgoing.values()) file.live();
    for (const file of this.#incoming.values()) file.live();
  }

  close(): void {
    for (const { timer, commit } of [...this.#noting.values()]) {
      clearTimeout(timer);
      commit();
    }
    for (const file of this.#outgoing.values()) {
      this.#options.lane.remove(file);
      file.close();
    }
    for (const file of this.#incoming.values()) file.close();
  }

  #part(file: IncomingFile, part: number, bytes: Uint8Array, batch: Batch): () => void {
    if (!file.needs(part, bytes)) return () => {};
    if (file.take(part, bytes)) return () => {};
    if (this.#earlyBytes + bytes.length > EARLY_BYTES_MAX) return () => {};
    // The sender may be gone when the program wants the file: these parts are stored before the relay forgets them.
    this.#earlyBytes += bytes.length;
    batch.set(this.#key('file-part', `${file.offer.id}:${part}`), toBase64(bytes));
    return () => file.keep(part, bytes);
  }

  #makeOutgoing(stored: StoredFile): OutgoingFile {
    const { own: sender, peer: recipient, lane } = this.#options;
    const file: OutgoingFile = new OutgoingFile({
      ...stored,
      sender,
      recipient,
      credit: this.#credit,
      ...this.#mail(),
      wake: () => lane.wake(),
      onChange: (progress) => {
        if (isOver(progress.state)) lane.remove(file);
        this.#changed(progress, (batch) =>
          batch.set(this.#key('file-out', stored.offer.id), this.#stored(file)),
        );
      },
    });
    return file;
  }

  #makeIncoming(stored: StoredIncoming): IncomingFile {
    const { own, peer } = this.#options;
    const file: IncomingFile = new IncomingFile({
      ...stored,
      own,
      peer,
      ...this.#mail(),
      onChange: (progress) => {
        if (isOver(progress.state)) this.#dropEarly(stored.offer);
        this.#changed(progress, (batch) =>
          batch.set(this.#key('file-in', stored.offer.id), this.#storedIncoming(file)),
        );
      },
    });
    return file;
  }

  #mail(): {
    sign: (payload: object) => FileFrame;
    say: (frame: FileFrame) => boolean;
    isBlocked: () => boolean;
  } {
    const { lane, sign, isBlocked } = this.#options;
    return {
      isBlocked,
      sign: (payload) => {
        const id = newEnvelopeId();
        return { id, text: sign(id, payload) };
      },
      say: (frame) => !isBlocked() && lane.say(frame),
    };
  }

  /** Stores an end at once, and progress now and then, at the latest when the relay closes. */
  #changed(progress: FileProgress, save: (batch: Batch) => void): void {
    const { file, state } = progress;
    const commit = () => {
      this.#noting.delete(file);
      const batch = new Batch();
      save(batch);
      this.#options.records.commit(batch).catch(this.#options.onBroken);
    };
    if (isOver(state)) {
      clearTimeout(this.#noting.get(file)?.timer);
      commit();
    } else if (!this.#noting.has(file)) {
      this.#noting.set(file, { timer: setTimeout(commit, NOTE_AFTER_MS), commit });
    }
    this.#options.onProgress(progress);
  }

  #stored({ offer, progress }: OutgoingFile | IncomingFile): StoredFile {
    return { offer, state: progress.state, message: progress.message };
  }

  #storedIncoming(file: IncomingFile): StoredIncoming {
    return { ...this.#stored(file), have: file.have };
  }

  #dropEarly(offer: FileOffer): void {
    const { records, peer } = this.#options;
    const batch = new Batch();
    for (const [key, text] of records.list<string>(`file-part:${peer}:${offer.id}:`)) {
      this.#earlyBytes -= fromBase64(text)?.length ?? 0;
      batch.remove(key);
    }
    records.commit(batch).catch(this.#options.onBroken);
  }

  #forgetOldest(files: Map<string, unknown>, kind: string, batch: Batch): void {
    const [oldest] = files.keys();
    if (files.size <= REMEMBERED_MAX || oldest === undefined) return;
    files.delete(oldest);
    batch.remove(this.#key(kind, oldest));
  }

  #key(kind: string, rest: string): string {
    return `${kind}:${this.#options.peer}:${rest}`;
  }
}

/** All frames of a file together. */
function framesBytesOf(offer: FileOffer): number {
  return partsOf(offer) * frameBytesOf(Math.min(offer.size, offer.partBytes));
}

/** After a restart, what was moving needs its source or sink again. */
function paused(state: FileState): FileState {
  return state === 'moving' ? 'paused' : state;
}
