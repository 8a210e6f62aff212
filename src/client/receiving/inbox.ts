import type { Json } from '../sending/content.ts';
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
 * Messages of one peer that are opened and stored and that the program has not handled. One is handled when the
 * program comes for the next, or ends its loop: if the process dies before that, it is handed over again.
 */
export class Inbox {
  readonly #records: Records;
  readonly #prefix: string;
  #entries: Entry[];
  #waiters: Waiter[] = [];
  #next: number;
  #closed = false;
  readonly #onAdded: () => void;
  readonly #onHandled: () => void;

  /** `onAdded` and `onHandled` count what waits, what is stored from before included. */
  constructor(options: { peer: string; records: Records; onAdded: () => void; onHandled: () => void }) {
    this.#records = options.records;
    this.#onAdded = options.onAdded;
    this.#onHandled = options.onHandled;
    this.#prefix = `inbox:${options.peer}:`;
    const stored = options.records.list<Received>(this.#prefix);
    this.#entries = stored.map(([key, received]) => ({ key, received }));
    for (const _ of stored) options.onAdded();
    this.#next = Number(this.#entries.at(-1)?.key.slice(this.#prefix.length) ?? -1) + 1;
  }

  /** Stages the message; call what is returned once it is stored. */
  add(received: Received, batch: Batch): () => void {
    const key = this.#prefix + String(this.#next++).padStart(12, '0');
    batch.set(key, received);
    this.#onAdded();
    return () => {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#entries.push({ key, received });
      else waiter.resolve({ key, received });
    };
  }

  /** The next message, waiting for it if need be; null once closed. */
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

  /** The program is done with it. */
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
