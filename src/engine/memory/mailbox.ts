import { MAILBOX_START, type MailboxId } from '../engine.ts';
import { isAfter, isMailboxId, microseconds } from '../mailbox-id.ts';

export interface Entry {
  readonly id: MailboxId;
  readonly frame: Buffer;
  readonly sender: string;
}

interface Share {
  readonly envelopes: number;
  readonly bytes: number;
}

const NOTHING: Share = { envelopes: 0, bytes: 0 };

/** The mailbox of one user: entries in the order of storing, and the state that must outlive them. */
export class Mailbox {
  /** Oldest first; ids grow. */
  readonly #entries: Entry[] = [];
  /** The newest id ever given here: ids never go back, even if the mailbox is empty or clocks step. */
  last: MailboxId = MAILBOX_START;
  /** The newest id that has left at the head, by a confirm or by expiry. */
  left: MailboxId = MAILBOX_START;
  /** Sum of the frames that wait. */
  bytes = 0;
  /** What waits, by sender. */
  readonly #shares = new Map<string, Share>();
  /** Ran out since the last claim. */
  expired = 0;

  get size(): number {
    return this.#entries.length;
  }

  /** Nothing that waits is older; null if nothing waits. */
  get oldestUs(): number | null {
    const [oldest] = this.#entries;
    return oldest === undefined ? null : Number(microseconds(oldest.id));
  }

  shareOf(sender: string): Share {
    return this.#shares.get(sender) ?? NOTHING;
  }

  append(
    { frame, sender }: Omit<Entry, 'id'>,
    nowUs: number,
    tag: number,
  ): { id: MailboxId; prev: MailboxId } {
    const prev = this.last;
    const id = `${Math.max(nowUs, Number(microseconds(prev)) + 1)}-${tag}`;
    this.last = id;
    this.#entries.push({ id, frame, sender });
    this.bytes += frame.length;
    this.#count(sender, { envelopes: 1, bytes: frame.length });
    return { id, prev };
  }

  /** Removes and counts what was stored before `cutUs`. */
  expire(cutUs: number): void {
    let gone = 0;
    while (gone < this.#entries.length && Number(microseconds(this.#at(gone).id)) < cutUs) gone += 1;
    this.#removeHead(gone);
    this.expired += gone;
  }

  /**
   * Whether `id` belongs to this history, so that a cursor behind it has skipped nothing: it waits here, it has left
   * (everything older than `left` has left too), or it is the newest of all, though it may have become a dead letter.
   */
  knows(id: MailboxId): boolean {
    if (!isMailboxId(id)) return false;
    return id === this.left || id === this.last || isAfter(this.left, id) || this.#indexOf(id) >= 0;
  }

  /** Whether the entry `id` waits here. */
  holds(id: MailboxId): boolean {
    return this.#indexOf(id) >= 0;
  }

  /** Removes everything up to and including `id`, which this mailbox must know. */
  confirm(id: MailboxId): void {
    this.#removeHead(id === this.last ? this.#entries.length : this.#indexOf(id) + 1);
  }

  /** Removes one entry, wherever it stands. Does nothing if it does not wait here. */
  remove(id: MailboxId): void {
    const index = this.#indexOf(id);
    if (index < 0) return;
    const [removed] = this.#entries.splice(index, 1);
    const bytes = removed?.frame.length ?? 0;
    this.bytes -= bytes;
    if (removed !== undefined) this.#count(removed.sender, { envelopes: -1, bytes: -bytes });
    // A cursor may stand on it.
    if (index === 0) this.left = id;
    if (this.#entries.length === 0) this.left = this.last;
  }

  /** Entries behind `after` (null: from the start), within both bounds; at least one if there is one. */
  read(after: MailboxId | null, maxEnvelopes: number, maxBytes: number): Entry[] {
    const page: Entry[] = [];
    let bytes = 0;
    for (
      let index = after === null ? 0 : this.#firstBehind(after);
      index < this.#entries.length;
      index += 1
    ) {
      const entry = this.#at(index);
      bytes += entry.frame.length;
      if (page.length === maxEnvelopes || (page.length > 0 && bytes > maxBytes)) break;
      page.push(entry);
    }
    return page;
  }

  #removeHead(count: number): void {
    const removed = this.#entries.splice(0, count);
    for (const { id, frame, sender } of removed) {
      this.left = id;
      this.bytes -= frame.length;
      this.#count(sender, { envelopes: -1, bytes: -frame.length });
    }
    // Newer ids became dead letters: a session whose cursor is on one of them has seen everything.
    if (this.#entries.length === 0) this.left = this.last;
  }

  #count(sender: string, more: Share): void {
    const { envelopes, bytes } = this.shareOf(sender);
    if (envelopes + more.envelopes === 0) this.#shares.delete(sender);
    else this.#shares.set(sender, { envelopes: envelopes + more.envelopes, bytes: bytes + more.bytes });
  }

  /** The index of `id`, tag and all; -1 if it does not wait here. */
  #indexOf(id: MailboxId): number {
    const index = this.#firstBehind(id) - 1;
    return index >= 0 && this.#at(index).id === id ? index : -1;
  }

  /** Binary search: the first index whose entry was stored after `id`. */
  #firstBehind(id: MailboxId): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.#at(middle).id, id)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #at(index: number): Entry {
    const entry = this.#entries[index];
    if (entry === undefined) throw new RangeError(`no entry ${index} of ${this.#entries.length}`);
    return entry;
  }
}
