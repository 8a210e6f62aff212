import { newEnvelopeId } from '../connection/envelope-id.ts';
import { Batch, type Records } from '../storage/records.ts';
import type { Content } from './content.ts';
import type { Outbox } from './outbox.ts';

export interface PeerOutboxOptions {
  readonly code: string;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly onBroken: (error: unknown) => void;
}

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

  add(content: Content, batch: Batch, id = newEnvelopeId()): void {
    const { code, outbox } = this.#options;
    outbox.add({ id, recipient: code, urgent: false, frame: null, content, exchange: null }, batch);
  }

  /** Adds `content` in place of unsealed entries of the same type. */
  addOnly(content: Content, batch: Batch): void {
    const { code, outbox } = this.#options;
    outbox.dropUnsealed(code, ({ type }) => type === content.type, batch);
    this.add(content, batch);
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
}
