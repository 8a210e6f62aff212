import type { Batch, Records } from '../storage/records.ts';

/** More than the relay leaves unconfirmed on one socket (256), so that every honest repeat is recognised. */
const REMEMBERED_MAX = 300;

/**
 * Ids of one sender's last envelopes. The relay delivers at least once; with these ids and the message counters, the
 * program gets each message once.
 */
export class Seen {
  readonly #prefix: string;
  /** Oldest first: id → key number. */
  readonly #numbers = new Map<string, number>();
  #next = 0;

  constructor(sender: string, records: Records) {
    this.#prefix = `seen:${sender}:`;
    const stored = records.list<number>(this.#prefix).sort(([, left], [, right]) => left - right);
    for (const [key, number] of stored) {
      this.#numbers.set(key.slice(this.#prefix.length), number);
      this.#next = number + 1;
    }
  }

  has(id: string): boolean {
    return this.#numbers.has(id);
  }

  add(id: string, batch: Batch): void {
    batch.set(this.#prefix + id, this.#next);
    this.#numbers.set(id, this.#next++);
    if (this.#numbers.size <= REMEMBERED_MAX) return;
    const [oldest = ''] = this.#numbers.keys();
    this.#numbers.delete(oldest);
    batch.remove(this.#prefix + oldest);
  }
}
