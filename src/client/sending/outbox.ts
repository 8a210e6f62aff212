import type { WaitReason } from '../commands/relay-reply.ts';
import { ClientError } from '../errors.ts';
import { numberedKey } from '../storage/numbered-keys.ts';
import { Batch, type Records } from '../storage/records.ts';
import type { Content } from './content.ts';
import { RecipientQueue, type RecipientQueueEntry } from './recipient-queue.ts';

/** One envelope on its way to the relay, as it is stored. */
export interface OutboxEntry extends RecipientQueueEntry {
  /** What to seal; null for a message, whose content is in `SentMessages`, and for the frames of a key exchange. */
  readonly content: Content | null;
  /** The digest of a sealed request of a key exchange; otherwise null. */
  readonly exchange: string | null;
  /** A request of a key exchange, which is made when its turn comes. */
  readonly request?: true;
}

/** What sealing an entry comes to. */
export type Sealed =
  | { readonly frame: string; readonly exchange?: string; readonly message?: number }
  /** It cannot be sealed yet. */
  | 'wait'
  /** It is no longer needed. */
  | 'drop';

/** Entries that may wait when the program adds one. */
const WAITING_MAX = 5_000;
/** Answers and receipts that may wait for one peer: what a peer sends must not fill our storage. */
const ANSWERS_MAX = 64;

export interface OutboxOptions {
  readonly records: Records;
  /** Nothing may be sent to this person yet. */
  readonly holds: (recipient: string) => boolean;
  /** Encrypts and signs the entry, staging what has to be stored with it. */
  readonly seal: (entry: OutboxEntry, batch: Batch) => Sealed;
  /** The relay does not take the envelope for now. */
  readonly onWaiting: (entry: OutboxEntry, why: WaitReason) => void;
  /** The relay has stored the envelope. */
  readonly onAccepted: (entry: OutboxEntry) => void;
  /** The relay will never store the envelope, or the recipient could not read it. */
  readonly onFailed: (entry: OutboxEntry, error: ClientError) => void;
  /** Writing to the storage failed: the client must stop. */
  readonly onBroken: (error: unknown) => void;
}

/** The envelopes that the relay has not accepted yet, stored, in one queue for each recipient. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues = new Map<string, RecipientQueue<OutboxEntry>>();
  #waiting = 0;
  #onEmpty: (() => void)[] = [];
  #nextNumber = 0;
  #transmit: ((frame: string) => void) | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
    for (const [, entry] of options.records.list<OutboxEntry>('outbox:')) {
      this.#nextNumber = Math.max(this.#nextNumber, entry.number + 1);
      this.#waiting += 1;
      this.#queue(entry.recipient).add(entry);
    }
  }

  /** Throws `outbox_full` if the program should not add more for now. */
  requireRoom(): void {
    if (this.#waiting < WAITING_MAX) return;
    throw new ClientError(
      'outbox_full',
      `${WAITING_MAX} envelopes wait already: wait for some to be accepted.`,
    );
  }

  /** Resolves when the relay has accepted or refused everything that may be sent. */
  emptied(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** The queue of answers is full: ignore further requests from this peer. */
  crowded(recipient: string): boolean {
    return this.#queue(recipient).count((entry) => !isMessage(entry)) >= ANSWERS_MAX;
  }

  /** Adds one envelope; call `pump` once the batch is committed. */
  add(entry: Omit<OutboxEntry, 'number'>, batch: Batch): OutboxEntry {
    const added = { ...entry, number: this.#nextNumber++ };
    this.#waiting += 1;
    this.#queue(entry.recipient).add(added);
    batch.set(keyOf(added), added);
    return added;
  }

  /** The entries to this recipient that are not sealed yet, in the order in which they were added. */
  unsealed(recipient: string): readonly OutboxEntry[] {
    return this.#queue(recipient).unsealed();
  }

  /** Removes an entry: it is settled, or something else says or carries the same. */
  drop(entry: OutboxEntry, batch: Batch): void {
    if (!this.#queue(entry.recipient).remove(entry.number)) return;
    this.#waiting -= 1;
    batch.remove(keyOf(entry));
    if (this.#onEmpty.length > 0 && this.#isIdle) for (const tell of this.#onEmpty.splice(0)) tell();
  }

  /** The socket is logged in: envelopes in doubt are sent again, with the same bytes. */
  live(transmit: (frame: string) => void): void {
    this.#transmit = transmit;
    for (const queue of this.#queues.values()) {
      queue.restart();
      this.#pump(queue);
    }
  }

  down(): void {
    this.#transmit = null;
    for (const queue of this.#queues.values()) queue.pause();
  }

  /** Sends the next entry if it can be sent by now: an entry was added, or keys were agreed. */
  pump(recipient: string): void {
    this.#pump(this.#queue(recipient));
  }

  /** False if nothing with this id is in flight. */
  async accepted(id: string): Promise<boolean> {
    const entry = this.#settle(id);
    if (entry === null) return false;
    const batch = new Batch();
    this.drop(entry, batch);
    const stored = this.#options.records.commit(batch);
    // The next is sealed at once: the storage then writes both changes together. If this one is lost in a crash, the
    // entry is sent again, and the relay answers the repetition.
    this.pump(entry.recipient);
    await stored;
    this.#options.onAccepted(entry);
    return true;
  }

  /** The relay did not store it, or may not have: the same bytes are sent again. */
  again(id: string, why: WaitReason, waitMs: number | null): void {
    for (const queue of this.#queues.values()) {
      const entry = queue.inFlight === id ? queue.retry(waitMs, () => this.#pump(queue)) : null;
      if (entry !== null) this.#options.onWaiting(entry, why);
    }
  }

  async refused(id: string, error: ClientError): Promise<void> {
    const entry = this.#settle(id);
    if (entry !== null) await this.#fail([entry], error);
  }

  /** Fails entries that were sealed under keys that are no longer trusted: they cannot be sealed again. */
  async failSealed(recipient: string, error: ClientError): Promise<void> {
    await this.#fail(this.#queue(recipient).sealed(), error);
  }

  get #isIdle(): boolean {
    if (this.#waiting === 0) return true;
    return [...this.#queues].every(
      ([recipient, queue]) => queue.count(() => true) === 0 || this.#options.holds(recipient),
    );
  }

  #fail(entries: readonly OutboxEntry[], error: ClientError): Promise<void> {
    const batch = new Batch();
    for (const entry of entries) this.drop(entry, batch);
    return this.#options.records.commit(batch).then(() => {
      for (const entry of entries) {
        this.#options.onFailed(entry, error);
        this.pump(entry.recipient);
      }
    });
  }

  #settle(id: string): OutboxEntry | null {
    for (const queue of this.#queues.values()) {
      if (queue.inFlight === id) return queue.settle();
    }
    return null;
  }

  #pump(queue: RecipientQueue<OutboxEntry>): void {
    if (this.#transmit === null) return;
    const batch = new Batch();
    for (const entry of queue.candidates()) {
      if (this.#options.holds(entry.recipient)) return;
      if (entry.frame !== null) {
        this.#launch(queue, { ...entry, frame: entry.frame }, batch);
        return;
      }
      const sealed = this.#options.seal(entry, batch);
      if (sealed === 'drop') this.drop(entry, batch);
      else if (sealed !== 'wait') {
        const ready = { ...entry, ...sealed };
        batch.set(keyOf(ready), ready);
        this.#launch(queue, ready, batch);
        return;
      }
    }
    if (batch.changes.size === 0) return;
    // Sealing has dropped an entry, or asked for keys that another needs: what comes next may be sendable.
    this.#options.records.commit(batch).catch(this.#options.onBroken);
    this.#pump(queue);
  }

  #launch(queue: RecipientQueue<OutboxEntry>, entry: OutboxEntry & { frame: string }, batch: Batch): void {
    queue.launch(entry, () => this.#pump(queue));
    // Store before sending: after a crash the same bytes go out again, and no counter is used twice.
    this.#options.records.commit(batch).then(() => this.#send(queue, entry), this.#options.onBroken);
  }

  #send(queue: RecipientQueue<OutboxEntry>, entry: OutboxEntry & { frame: string }): void {
    if (queue.inFlight === entry.id) this.#transmit?.(entry.frame);
  }

  #queue(recipient: string): RecipientQueue<OutboxEntry> {
    const queue = this.#queues.get(recipient) ?? new RecipientQueue<OutboxEntry>();
    this.#queues.set(recipient, queue);
    return queue;
  }
}

/** Messages that an older version of this client has queued have their content with them. */
export function isMessage({ content, message }: OutboxEntry): boolean {
  return message !== undefined || content?.type === 'message';
}

function keyOf(entry: OutboxEntry): string {
  return numberedKey(`outbox:${entry.recipient}:`, entry.number);
}
