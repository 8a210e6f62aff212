import { ClientError } from '../errors.ts';
import { Batch, type Records } from '../storage/records.ts';
import type { Content } from './content.ts';
import { RecipientQueue, type RecipientQueueEntry } from './recipient-queue.ts';

/** One envelope on its way to the relay, as it is stored. */
export interface OutboxEntry extends RecipientQueueEntry {
  /** Null for the frames of a key exchange, which are ready from the start. */
  readonly content: Content | null;
  /** Of a key exchange's request: its name. */
  readonly exchange: string | null;
}

/** Entries that may wait when the program adds one. */
const WAITING_MAX = 5_000;
/** Answers and receipts that may wait for one peer: what he sends must not fill our storage. */
const ANSWERS_MAX = 64;

export interface OutboxOptions {
  readonly records: Records;
  /** Encrypts and signs what waits, staging what has to be stored with it; null while there is no key to do it. */
  readonly seal: (entry: OutboxEntry, batch: Batch) => string | null;
  /** The relay has stored it. */
  readonly onAccepted: (entry: OutboxEntry) => void;
  /** The relay will never store it, or nobody could read it. */
  readonly onFailed: (entry: OutboxEntry, error: ClientError) => void;
  /** Writing failed: nothing may go on. */
  readonly onBroken: (error: unknown) => void;
}

/** What the relay has not accepted yet, stored, one lane for each recipient. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<string, RecipientQueue<OutboxEntry>>();
  #waiting = 0;
  #onEmpty: (() => void)[] = [];
  #nextNumber = 0;
  #transmit: ((frame: string) => void) | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
    for (const [, entry] of options.records.list<OutboxEntry>('outbox:')) {
      this.#nextNumber = Math.max(this.#nextNumber, entry.number + 1);
      this.#waiting += 1;
      this.#lane(entry.recipient).add(entry);
    }
  }

  /** Throws `outbox_full` if a program should not add more for now. */
  requireRoom(): void {
    if (this.#waiting < WAITING_MAX) return;
    throw new ClientError(
      'outbox_full',
      `${WAITING_MAX} envelopes wait already: wait for some to be accepted.`,
    );
  }

  /** Resolves when the relay has decided about everything. */
  emptied(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** So much waits to be told to this peer that nothing more should be on his demand. */
  crowded(recipient: string): boolean {
    return this.#lane(recipient).count((entry) => entry.content?.type !== 'message') >= ANSWERS_MAX;
  }

  /** Takes one envelope in; `pump` the recipient once the batch is committed. */
  add(entry: Omit<OutboxEntry, 'number'>, batch: Batch): OutboxEntry {
    const added = { ...entry, number: this.#nextNumber++ };
    this.#waiting += 1;
    this.#lane(entry.recipient).add(added);
    batch.set(keyOf(added), added);
    return added;
  }

  /** Takes out what waits unsealed and matches, because something newer says the same. */
  dropUnsealed(recipient: string, matches: (content: Content) => boolean, batch: Batch): void {
    const lane = this.#lane(recipient);
    for (const entry of lane.unsealed()) {
      if (entry.content !== null && matches(entry.content)) this.#remove(entry, batch);
    }
  }

  /** The socket is logged in: what was in doubt is sent again, with the same bytes. */
  live(transmit: (frame: string) => void): void {
    this.#transmit = transmit;
    for (const lane of this.#lanes.values()) {
      lane.restart();
      this.#pump(lane);
    }
  }

  down(): void {
    this.#transmit = null;
    for (const lane of this.#lanes.values()) lane.pause();
  }

  /** Something may have become sendable: an entry was added, a key agreed. */
  pump(recipient: string): void {
    this.#pump(this.#lane(recipient));
  }

  /** False if nothing with this id is in flight. */
  async accepted(id: string): Promise<boolean> {
    const entry = this.#settle(id);
    if (entry === null) return false;
    const batch = new Batch();
    this.#remove(entry, batch);
    await this.#options.records.commit(batch);
    this.#options.onAccepted(entry);
    this.pump(entry.recipient);
    return true;
  }

  /** Refused, but to be sent again with the same bytes: not known to be stored, too fast, or no room just now. */
  again(id: string, waitMs: number | null): void {
    for (const lane of this.#lanes.values()) {
      if (lane.inFlight === id) lane.retry(waitMs, () => this.#pump(lane));
    }
  }

  async refused(id: string, error: ClientError): Promise<void> {
    const entry = this.#settle(id);
    if (entry !== null) await this.#fail([entry], error);
  }

  /** What was sealed for keys that nobody trusts any more can neither be sent nor be sealed again. */
  async failSealed(recipient: string, error: ClientError): Promise<void> {
    await this.#fail(this.#lane(recipient).sealed(), error);
  }

  #fail(entries: readonly OutboxEntry[], error: ClientError): Promise<void> {
    const batch = new Batch();
    for (const entry of entries) this.#remove(entry, batch);
    return this.#options.records.commit(batch).then(() => {
      for (const entry of entries) {
        this.#options.onFailed(entry, error);
        this.pump(entry.recipient);
      }
    });
  }

  #settle(id: string): OutboxEntry | null {
    for (const lane of this.#lanes.values()) {
      if (lane.inFlight === id) return lane.settle();
    }
    return null;
  }

  #remove(entry: OutboxEntry, batch: Batch): void {
    if (!this.#lane(entry.recipient).remove(entry.number)) return;
    this.#waiting -= 1;
    batch.remove(keyOf(entry));
    if (this.#waiting === 0) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  #pump(lane: RecipientQueue<OutboxEntry>): void {
    if (this.#transmit === null) return;
    const entry = lane.next();
    if (entry === null) return;
    const batch = new Batch();
    const frame = entry.frame ?? this.#options.seal(entry, batch);
    if (frame === null) return;
    const sealed = { ...entry, frame };
    lane.launch(sealed, () => this.#pump(lane));
    if (entry.frame === null) batch.set(keyOf(sealed), sealed);
    // Stored before it is sent: after a crash the same bytes go out again, and no counter is used twice.
    this.#options.records.commit(batch).then(() => this.#send(lane, sealed), this.#options.onBroken);
  }

  #send(lane: RecipientQueue<OutboxEntry>, entry: OutboxEntry & { frame: string }): void {
    if (lane.inFlight === entry.id) this.#transmit?.(entry.frame);
  }

  #lane(recipient: string): RecipientQueue<OutboxEntry> {
    const lane = this.#lanes.get(recipient) ?? new RecipientQueue<OutboxEntry>();
    this.#lanes.set(recipient, lane);
    return lane;
  }
}

function keyOf(entry: OutboxEntry): string {
  return `outbox:${entry.recipient}:${String(entry.number).padStart(12, '0')}`;
}
