import type { Batch, Records } from '../storage/records.ts';

/** How far a message has come, as this side knows it. */
interface Sent {
  readonly id: string;
  readonly delivered: boolean;
}

/** Messages remembered for each peer: one that never says "read" must not fill the storage. */
const REMEMBERED_MAX = 1_000;

/**
 * What was sent to one peer and is not known to be read, in order of sending: turns the peer's cumulative receipts
 * into the ids that they newly cover.
 */
export class SentMessages {
  readonly #prefix: string;
  /** Oldest first. */
  #sent: Array<readonly [key: string, sent: Sent]>;
  #next: number;

  constructor(peer: string, records: Records) {
    this.#prefix = `sent:${peer}:`;
    this.#sent = records.list<Sent>(this.#prefix);
    this.#next = Number(this.#sent.at(-1)?.[0].slice(this.#prefix.length) ?? -1) + 1;
  }

  sent(id: string, batch: Batch): void {
    const key = this.#prefix + String(this.#next++).padStart(12, '0');
    const sent: Sent = { id, delivered: false };
    this.#sent.push([key, sent]);
    batch.set(key, sent);
    const [oldest] = this.#sent.length > REMEMBERED_MAX ? this.#sent.splice(0, 1) : [];
    if (oldest !== undefined) batch.remove(oldest[0]);
  }

  /** The ids that this receipt is the first to call delivered, oldest first. */
  delivered(upTo: string, batch: Batch): string[] {
    const covered = this.#sent.slice(0, this.#through(upTo)).filter(([, { delivered }]) => !delivered);
    for (const [key, { id }] of covered) batch.set(key, { id, delivered: true });
    const keys = new Set(covered.map(([key]) => key));
    this.#sent = this.#sent.map(([key, sent]) => [key, keys.has(key) ? { ...sent, delivered: true } : sent]);
    return covered.map(([, { id }]) => id);
  }

  /** The ids that this receipt calls read, oldest first. They are then forgotten. */
  read(upTo: string, batch: Batch): string[] {
    const covered = this.#sent.splice(0, this.#through(upTo));
    for (const [key] of covered) batch.remove(key);
    return covered.map(([, { id }]) => id);
  }

  /** It will never arrive. False if it is none of ours. */
  failed(id: string, batch: Batch): boolean {
    const index = this.#sent.findIndex(([, sent]) => sent.id === id);
    const [gone] = index < 0 ? [] : this.#sent.splice(index, 1);
    if (gone !== undefined) batch.remove(gone[0]);
    return gone !== undefined;
  }

  /** How many there are up to and including `id`; 0 if it is unknown. */
  #through(id: string): number {
    return this.#sent.findIndex(([, sent]) => sent.id === id) + 1;
  }
}
