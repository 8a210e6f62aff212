import { newEnvelopeId } from '../keys/agreement.ts';
import type { Content } from '../sending/content.ts';
import type { Outbox } from '../sending/outbox.ts';
import { Batch, type Records } from '../storage/records.ts';

export interface PeerOutboxOptions {
  readonly code: string;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly onBroken: (error: unknown) => void;
}

/** What is said to one peer: put into the outbox in the same write as whatever it belongs to. */
export class PeerOutbox {
  readonly #options: PeerOutboxOptions;

  constructor(options: PeerOutboxOptions) {
    this.#options = options;
  }

  /** So much waits to be told to the peer that nothing more should be on his demand. */
  get crowded(): boolean {
    return this.#options.outbox.crowded(this.#options.code);
  }

  add(content: Content, batch: Batch, id = newEnvelopeId()): void {
    const { code, outbox } = this.#options;
    outbox.add({ id, recipient: code, urgent: false, frame: null, content, exchange: null }, batch);
  }

  /** In place of what says the same and has not been sent. */
  addOnly(content: Content, batch: Batch): void {
    const { code, outbox } = this.#options;
    outbox.dropUnsealed(code, ({ type }) => type === content.type, batch);
    this.add(content, batch);
  }

  /** Changes what is stored in one write, and then lets the outbox look. */
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

  /** The same, and nobody waits for it: a failure to store has been reported. */
  stageInBackground(change: (batch: Batch) => void): void {
    this.stage(change).catch(() => {});
  }

  pump(): void {
    this.#options.outbox.pump(this.#options.code);
  }
}
