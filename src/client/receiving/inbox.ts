import type { Json } from '../sending/json.ts';
import type { MessageExtras } from '../sending/message-extras.ts';
import { NumberedKeys } from '../storage/numbered-keys.ts';
import { Batch, type Records } from '../storage/records.ts';

/** A message as it waits for the program. */
export interface Received extends MessageExtras {
  readonly id: string;
  readonly body: Json;
  readonly at: string;
  /** It came after messages that were sent after it. */
  readonly late?: boolean;
  /** Absent if an older client sent it. */
  readonly stream?: string;
  readonly number?: number;
}

interface Waiter {
  readonly resolve: (entry: Entry | null) => void;
}
export interface Entry {
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
  /** The program takes messages from here. */
  #claimed = false;
  readonly #onAdded: () => void;
  readonly #onHandled: () => void;
  readonly #onWaiting: () => void;
  readonly #onBroken: (error: unknown) => void;

  /** `onAdded` and `onHandled` count the waiting messages, including those stored earlier. `onWaiting`: one waits, and nothing takes it. */
  constructor(options: {
    peer: string;
    records: Records;
    onAdded: () => void;
    onHandled: () => void;
    onWaiting: () => void;
    onBroken: (error: unknown) => void;
  }) {
    this.#records = options.records;
    this.#onAdded = options.onAdded;
    this.#onHandled = options.onHandled;
    this.#onWaiting = options.onWaiting;
    this.#onBroken = options.onBroken;
    this.#keys = new NumberedKeys(`inbox:${options.peer}:`, options.records);
    this.#entries = this.#keys.stored.map(([key, received]) => ({ key, received }));
    for (const _ of this.#entries) options.onAdded();
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The program has asked for messages since the start. */
  get claimed(): boolean {
    return this.#claimed;
  }

  claim(): void {
    this.#claimed = true;
  }

  /** Stages the message. Call the returned function once the batch is stored. */
  add(received: Received, batch: Batch): () => void {
    const key = this.#keys.next();
    batch.set(key, received);
    this.#onAdded();
    return () => {
      const waiter = this.#waiters.shift();
      if (waiter !== undefined) return waiter.resolve({ key, received });
      this.#entries.push({ key, received });
      this.#onWaiting();
    };
  }

  /** The next message, waiting for it if necessary; null once closed. */
  take(signal?: AbortSignal): Promise<Entry | null> {
    this.#claimed = true;
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

  /** Takes further messages that wait already, at most `max`. */
  drain(max: number): Entry[] {
    return this.#entries.splice(0, max);
  }

  /** The program has handled these. Not awaited: after a crash they are handed over again. */
  handled(entries: readonly Entry[]): void {
    const batch = new Batch();
    for (const { key } of entries) batch.remove(key);
    this.#records.commit(batch).then(() => {
      for (const _ of entries) this.#onHandled();
    }, this.#onBroken);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
  }
}
