import type { Content } from '../sending/content.ts';
import { SentMessages } from '../sending/sent-messages.ts';
import type { Batch, Records } from '../storage/records.ts';

/** A receipt waits this long, so that one can confirm several messages. */
const RECEIPT_AFTER_MS = 150;

export type Receipt = Extract<Content, { readonly type: 'delivered' | 'read' }>;

export interface ReceiptsOptions {
  readonly peer: string;
  readonly records: Records;
  /** Sends it, in place of an unsent one that says less. */
  readonly say: (receipt: Receipt) => Promise<void>;
  /** A message of ours has reached this state. */
  readonly tell: (name: 'delivered' | 'read', id: string) => void;
}

/** Sends and reads the receipts of one peer. */
export class Receipts {
  readonly #options: ReceiptsOptions;
  readonly #sentMessages: SentMessages;
  /** The newest message for which `delivered` has not been sent. */
  #owed: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
    this.#sentMessages = new SentMessages(options.peer, options.records);
  }

  /** A message of ours has been queued. */
  sent(id: string, batch: Batch): void {
    this.#sentMessages.sent(id, batch);
  }

  /** The message will never arrive. False if we did not send it. */
  failed(id: string, batch: Batch): boolean {
    return this.#sentMessages.failed(id, batch);
  }

  /** A message of the peer is stored here. */
  owe(id: string): void {
    if (this.#owed === null) this.#timer = setTimeout(() => this.pay(), RECEIPT_AFTER_MS);
    this.#owed = id;
  }

  /** Sends what is owed, now. */
  pay(): void {
    const owed = this.#owed;
    this.close();
    // Not awaited: a failure to store is reported where it happens.
    if (owed !== null) this.#options.say({ type: 'delivered', up_to: owed }).catch(() => {});
  }

  /** This message and all before it were read, and therefore delivered. */
  read(upTo: string): Promise<void> {
    this.close();
    return this.#options.say({ type: 'read', up_to: upTo });
  }

  /** Handles the peer's receipt. Call the returned function once the batch is stored. */
  heard(receipt: Receipt, batch: Batch): () => void {
    // A message that was read was delivered: the earlier receipt may have been left out.
    const delivered = this.#sentMessages.delivered(receipt.up_to, batch);
    const read = receipt.type === 'read' ? this.#sentMessages.read(receipt.up_to, batch) : [];
    return () => {
      for (const id of delivered) this.#options.tell('delivered', id);
      for (const id of read) this.#options.tell('read', id);
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#owed = null;
  }
}
