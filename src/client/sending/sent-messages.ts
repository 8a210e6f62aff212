import { NumberedKeys } from '../storage/numbered-keys.ts';
import type { Batch, Records } from '../storage/records.ts';

/** A message's progress, as far as this side knows. */
interface Sent {
  readonly id: string;
  readonly delivered: boolean;
}

/** Messages remembered for each peer: a peer that never confirms must not fill the storage. */
const REMEMBERED_MAX = 1_000;

/**
 * The messages sent to one peer and not confirmed as read, in sending order: turns the peer's cumulative receipts into
 * the ids that they newly cover.
 */
export class SentMessages {
  /** Oldest first. */
  #sent: Array<readonly [key: string, sent: Sent]>;
  readonly #keys: NumberedKeys<Sent>;

  constructor(peer: string, records: Records) {
    this.#keys = new NumberedKeys(`sent:${peer}:`, records);
    this.#sent = [...this.#keys.stored];
  }

  sent(id: string, batch: Batch): void {
    const key = this.#keys.next();
    const sent: Sent = { id, delivered: false };
    this.#sent.push([key, sent]);
    batch.set(key, sent);
    const [oldest] = this.#sent.length > REMEMBERED_MAX ? this.#sent.splice(0, 1) : [];
    if (oldest !== undefined) batch.remove(oldest[0]);
  }

  /** The ids that this receipt newly confirms as delivered, oldest first. */
  delivered(upTo: string, batch: Batch): string[] {
    const covered = this.#sent.slice(0, this.#through(upTo)).filter(([, { delivered }]) => !delivered);
    for (const [key, { id }] of covered) batch.set(key, { id, delivered: true });
    const keys = new Set(covered.map(([key]) => key));
    this.#sent = this.#sent.map(([key, sent]) => [key, keys.has(key) ? { ...sent, delivered: true } : sent]);
    return covered.map(([, { id }]) => id);
  }

  /** The ids that this receipt confirms as read, oldest first. They are then forgotten. */
  read(upTo: string, batch: Batch): string[] {
    const covered = this.#sent.splice(0, this.#through(upTo));
    for (const [key] of covered) batch.remove(key);
    return covered.map(([, { id }]) => id);
  }

  /** The message will never arrive. False if we did not send it. */
  failed(id: string, batch: Batch): boolean {
    const index = this.#sent.findIndex(([, sent]) => sent.id === id);
    const [gone] = index < 0 ? [] : this.#sent.splice(index, 1);
    if (gone !== undefined) batch.remove(gone[0]);
    return gone !== undefined;
  }

  /** How many messages there are up to and including `id`; 0 if it is unknown. */
  #through(id: string): number {
    return this.#sent.findIndex(([, sent]) => sent.id === id) + 1;
  }
}
