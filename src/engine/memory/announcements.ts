import { type Announcement, type Announcements, LEASE_MS } from '../verbs/announcements.ts';
import type { PushSubscription } from '../verbs/subscriptions.ts';
import type { UserRecord } from './users.ts';

export interface MemoryAnnouncementsOptions {
  /** False: users who are away are not noted. */
  readonly on: boolean;
  readonly afterMs: number;
  readonly now: () => number;
  readonly find: (code: string) => UserRecord | undefined;
  readonly isLive: (record: UserRecord) => boolean;
  /** Where a user is pushed to; null: users are announced otherwise. */
  readonly subscriptionsOf: ((record: UserRecord) => readonly PushSubscription[]) | null;
}

/** See `Announcements`: they end with the process, as the mailboxes do. */
export class MemoryAnnouncements implements Announcements {
  readonly #options: MemoryAnnouncementsOptions;
  /** The epoch in which a user was noted as away; absent: not since the last login. */
  readonly #announced = new WeakMap<UserRecord, number>();
  /** By code: when to take it, ms. */
  readonly #due = new Map<string, number>();

  constructor(options: MemoryAnnouncementsOptions) {
    this.#options = options;
  }

  /** Something was stored, or a session has ended: notes the user, if away while something waits. */
  note(record: UserRecord): void {
    const { on, afterMs, now, isLive } = this.#options;
    const { epoch, user, mailbox } = record;
    if (!on || mailbox.size === 0 || this.#announced.get(record) === epoch || isLive(record)) return;
    this.#announced.set(record, epoch);
    if (this.#subscriptionsOf(record)?.length === 0) return;
    this.#due.set(user.code, now() + afterMs);
  }

  async take(max: number): Promise<readonly Announcement[]> {
    const nowMs = this.#options.now();
    const due = [...this.#due].filter(([, atMs]) => atMs <= nowMs).slice(0, max);
    return due.flatMap(([code]) => this.#take(code, nowMs) ?? []);
  }

  async done(announcements: readonly Announcement[]): Promise<void> {
    for (const each of announcements) if (this.#isHeld(each)) this.#due.delete(each.code);
  }

  async putBack(announcements: readonly Announcement[], afterMs: number): Promise<void> {
    const atMs = this.#options.now() + afterMs;
    for (const each of announcements) if (this.#isHeld(each)) this.#due.set(each.code, atMs);
  }

  /** Null: users are announced otherwise. */
  #subscriptionsOf(record: UserRecord): readonly PushSubscription[] | null {
    return this.#options.subscriptionsOf?.(record) ?? null;
  }

  #isHeld({ code, ticket }: Announcement): boolean {
    return this.#due.get(code) === Number(ticket);
  }

  /** Null, and forgotten, if the user need not be announced any more: the next that finds the user away notes it again. */
  #take(code: string, nowMs: number): Announcement | null {
    const { find, isLive } = this.#options;
    const record = find(code);
    const sinceUs = record?.mailbox.oldestUs ?? null;
    if (record === undefined || sinceUs === null || isLive(record) || record.banned(nowMs) !== null) {
      if (record !== undefined) this.#announced.delete(record);
      this.#due.delete(code);
      return null;
    }
    const subscriptions = this.#subscriptionsOf(record);
    if (subscriptions?.length === 0) {
      this.#due.delete(code);
      return null;
    }
    const leaseMs = nowMs + LEASE_MS;
    this.#due.set(code, leaseMs);
    return {
      code,
      epoch: record.epoch,
      waiting: record.mailbox.size,
      sinceUs,
      subscriptions: subscriptions ?? [],
      ticket: `${leaseMs}`,
    };
  }
}
