import type { Content } from '../sending/content.ts';
import { SentMessages } from '../sending/sent-messages.ts';
import type { Batch, Records } from '../storage/records.ts';

/** A receipt waits this long for more to confirm with it. */
const RECEIPT_AFTER_MS = 150;

export type Receipt = Extract<Content, { readonly type: 'delivered' | 'read' }>;

export interface ReceiptsOptions {
  readonly peer: string;
  readonly records: Records;
  /** Sends it, in place of one that says less and has not been sent. */
  readonly say: (receipt: Receipt) => Promise<void>;
  /** A message of ours has come so far. */
  readonly tell: (name: 'delivered' | 'read', id: string) => void;
}

/** What is said, and heard, of the arrival of messages. */
export class Receipts {
  readonly #options: ReceiptsOptions;
  readonly #marks: SentMessages;
  /** The newest message that `delivered` has not been said of. */
  #owed: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
    this.#marks = new SentMessages(options.peer, options.records);
  }

  /** A message of ours is on its way. */
  sent(id: string, batch: Batch): void {
    this.#marks.sent(id, batch);
  }

  /** It will never arrive. False if it is none of ours. */
  failed(id: string, batch: Batch): boolean {
    return this.#marks.failed(id, batch);
  }

  /** A message of theirs is stored here. */
  owe(id: string): void {
    if (this.#owed === null) this.#timer = setTimeout(() => this.pay(), RECEIPT_AFTER_MS);
    this.#owed = id;
  }

  /** Says what is owed, now. */
  pay(): void {
    const owed = this.#owed;
    this.close();
    // Nobody waits for it, and a failure to store is reported where it happens.
    if (owed !== null) this.#options.say({ type: 'delivered', up_to: owed }).catch(() => {});
  }

  /** This one and all before were read, which includes that they were delivered. */
  read(upTo: string): Promise<void> {
    this.close();
    return this.#options.say({ type: 'read', up_to: upTo });
  }

  /** The other's receipt: call what is returned once it is stored. */
  heard(receipt: Receipt, batch: Batch): () => void {
    // Who has read it has it: the receipt before may have been left out.
    const delivered = this.#marks.delivered(receipt.up_to, batch);
    const read = receipt.type === 'read' ? this.#marks.read(receipt.up_to, batch) : [];
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
