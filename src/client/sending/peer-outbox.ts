import { newEnvelopeId } from '../connection/envelope-id.ts';
import { Batch, type Records } from '../storage/records.ts';
import type { Content } from './content.ts';
import { isMessage, type Outbox, type OutboxEntry } from './outbox.ts';

export interface PeerOutboxOptions {
  readonly code: string;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly onBroken: (error: unknown) => void;
}

type Carries = Partial<Pick<OutboxEntry, 'urgent' | 'frame' | 'content' | 'request' | 'message' | 'again'>>;

/** What this client sends to one peer: put into the outbox in the same write as the change that it belongs to. */
export class PeerOutbox {
  readonly #options: PeerOutboxOptions;

  constructor(options: PeerOutboxOptions) {
    this.#options = options;
  }

  /** The queue of answers is full: ignore further requests from this peer. */
  get crowded(): boolean {
    return this.#options.outbox.crowded(this.#options.code);
  }

  /** The oldest message that has not been sealed; undefined if none waits. */
  get nextMessage(): OutboxEntry | undefined {
    return this.#unsealed().find(isMessage);
  }

  add(content: Content, batch: Batch): void {
    this.#add({ content }, batch);
  }

  /** Adds `content` in place of unsealed entries of the same type. */
  addOnly(content: Content, batch: Batch): void {
    for (const entry of this.#unsealed()) {
      if (entry.content?.type === content.type) this.#options.outbox.drop(entry, batch);
    }
    this.add(content, batch);
  }

  /** Adds the message with this number, as an envelope with this id. */
  addMessage(message: number, batch: Batch, id: string): void {
    this.#add({ message }, batch, id);
  }

  /** Sends a message that was sent before in another envelope, unless it waits for that already. */
  addAgain(message: number, batch: Batch): void {
    if (this.#unsealed().some((entry) => entry.message === message)) return;
    this.#add({ message, again: true }, batch);
  }

  /** Adds a request of a key exchange, to be made when its turn comes, unless one waits already. */
  addRequest(batch: Batch): void {
    if (!this.#unsealed().some((entry) => entry.request)) this.#add({ request: true, urgent: true }, batch);
  }

  /** Adds an envelope that is sealed. */
  addSealed({ id, frame }: { readonly id: string; readonly frame: string }, batch: Batch): void {
    this.#add({ frame, urgent: true }, batch, id);
  }

  /** Makes the changes in one write, then lets the outbox send. */
  async stage(change: (batch: Batch) => void): Promise<void> {
    const { records, onBroken } = this.#options;
    const batch = new Batch();
    change(batch);
    try {
      await records.commit(batch);
    } catch (error) {
      onBroken(error);
      throw error;
    }
    this.pump();
  }

  /** The same without waiting: `onBroken` has reported any failure to store. */
  stageInBackground(change: (batch: Batch) => void): void {
    this.stage(change).catch(() => {});
  }

  pump(): void {
    this.#options.outbox.pump(this.#options.code);
  }

  #unsealed(): readonly OutboxEntry[] {
    return this.#options.outbox.unsealed(this.#options.code);
  }

  #add(entry: Carries, batch: Batch, id = newEnvelopeId()): void {
    const { code, outbox } = this.#options;
    const plain = { urgent: false, frame: null, content: null, exchange: null };
    outbox.add({ ...plain, ...entry, id, recipient: code }, batch);
  }
}
