import type { Conversation } from '../../../client/index.ts';

/** A receipt waits so long, so that it stands for all messages that are seen meanwhile. */
const RECEIPT_AFTER_MS = 150;

/** Tells people that their messages were read, in few receipts. */
export class ReadReceipts {
  readonly #conversations: ReadonlyMap<string, Conversation>;
  /** The newest message that was seen and has no receipt yet, by code. */
  readonly #due = new Map<string, string>();

  /** By code: always the present ones. */
  constructor(conversations: ReadonlyMap<string, Conversation>) {
    this.#conversations = conversations;
  }

  /** Everything up to this message was read. */
  read(code: string, id: string): void {
    if (!this.#due.has(code)) setTimeout(() => this.#send(code), RECEIPT_AFTER_MS);
    this.#due.set(code, id);
  }

  #send(code: string): void {
    const id = this.#due.get(code);
    this.#due.delete(code);
    if (id !== undefined)
      this.#conversations
        .get(code)
        ?.markRead(id)
        .catch(() => {});
  }
}
