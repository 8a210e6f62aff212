import type { Json } from '../sending/content.ts';
import { NumberedKeys } from '../storage/numbered-keys.ts';
import { Batch, type Records } from '../storage/records.ts';

/** A message as it waits for the program. */
export interface Received {
  readonly id: string;
  readonly body: Json;
  readonly at: string;
}

interface Waiter {
  readonly resolve: (entry: Entry | null) => void;
}
interface Entry {
  readonly key: string;
  readonly received: Received;
}

/**
 * Decrypted and stored messages of one peer that the program has not handled yet. A message is handled when the program
 * asks for the next one or ends its loop: if the process dies before that, it is handed over again.
 */
export class Inbox {
  readonly #records: Records;
  readonly #keys: NumberedKeys<Received>;
  #entries: Entry[];
  #waiters: Waiter[] = [];
  #closed = false;
  readonly #onAdded: () => void;
  readonly #onHandled: () => void;

  /** `onAdded` and `onHandled` count the waiting messages, including those stored earlier. */
  constructor(options: { peer: string; records: Records; onAdded: () => void; onHandled: () => void }) {
    this.#records = options.records;
    this.#onAdded = options.onAdded;
    this.#onHandled = options.onHandled;
    this.#keys = new NumberedKeys(`inbox:${options.peer}:`, options.records);
    this.#entries = this.#keys.stored.map(([key, received]) => ({ key, received }));
    for (const _ of this.#entries) options.onAdded();
  }

  /** Stages the message. Call the returned function once the batch is stored. */
  add(received: Received, batch: Batch): () => void {
    const key = this.#keys.next();
    batch.set(key, received);
    this.#onAdded();
    return () => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#entries.push({ key, received });
      else waiter.resolve({ key, received });
    };
  }

  /** The next message, waiting for it if necessary; null once closed. */
  take(signal?: AbortSignal): Promise<Entry | null> {
    const entry = this.#entries.shift();
    if (entry !== undefined) return Promise.resolve(entry);
    if (this.#closed || signal?.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        resolve: (taken) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(taken);
        },
      };
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter.resolve(null);
      };
      signal?.addEventListener('abort', onAbort);
      this.#waiters.push(waiter);
    });
  }

  /** The program has handled it. */
  async handled(entry: Entry): Promise<void> {
    const batch = new Batch();
    batch.remove(entry.key);
    await this.#records.commit(batch);
    this.#onHandled();
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
  }
}
