import { type EngineLimits, EngineUnavailable, type SessionKey, type SessionState } from '../engine.ts';
import { type UserRecord, Users } from './users.ts';

const SWEEP_EVERY_MS = 60_000;

export interface MemoryStoreOptions {
  /** Asked each time: they can change. */
  readonly limits: Pick<EngineLimits, 'maxUsers' | 'mailboxTtlMs'>;
  /** See `MemoryEngineOptions`. */
  readonly maxBytes: number;
  readonly now: () => number;
  readonly accountIdleTtlMs: () => number;
}

/** Users and their mailboxes, what they take together, and what of it has expired. */
export class MemoryStore {
  readonly users: Users;
  /** See `MemoryEngineOptions`. */
  readonly now: () => number;
  readonly #options: MemoryStoreOptions;
  /** Users with anything that expires: entries, fences, ids. Bounds the sweep. */
  readonly perishable = new Set<UserRecord>();
  #bytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: MemoryStoreOptions) {
    this.users = new Users(options.limits.maxUsers);
    this.now = options.now;
    this.#options = options;
  }

  get running(): boolean {
    return this.#sweeper !== undefined;
  }

  start(): void {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** @throws EngineUnavailable */
  mustRun(): void {
    if (!this.running) throw new EngineUnavailable('the memory engine is not running');
  }

  /** Whether so many percent of the memory take what is stored, and so many bytes more. */
  hasRoom(bytes: number, percent = 100): boolean {
    return this.#bytes + bytes <= (this.#options.maxBytes / 100) * percent;
  }

  /** The user of a session that holds, or why it does not. */
  held(session: SessionKey): UserRecord | Exclude<SessionState, 'held'> {
    this.mustRun();
    const record = this.users.find(session.code, this.now());
    if (record === undefined) return 'unknown_user';
    // Equality, not order: the pong of an old socket is no receipt once another holds the user.
    return record.token === session.token ? record : loss(record, session);
  }

  /** What has expired does not wait any more. */
  find(code: string): UserRecord | undefined {
    const nowMs = this.now();
    const record = this.users.find(code, nowMs);
    if (record !== undefined) this.expire(record, nowMs);
    return record;
  }

  /** Every change of a mailbox goes through here, or the sum of bytes would be wrong. */
  change<T>(record: UserRecord, how: (mailbox: UserRecord['mailbox']) => T): T {
    const before = record.mailbox.bytes;
    const result = how(record.mailbox);
    this.#bytes += record.mailbox.bytes - before;
    return result;
  }

  expire(record: UserRecord, nowMs: number): void {
    const untilUs = Math.floor((nowMs - this.#options.limits.mailboxTtlMs) * 1000);
    this.change(record, (mailbox) => mailbox.expire(untilUs));
  }

  remove(record: UserRecord): void {
    this.#forget(record);
    this.users.remove(record);
  }

  #forget(record: UserRecord): void {
    this.#bytes -= record.mailbox.bytes;
    this.perishable.delete(record);
  }

  #sweep(): void {
    const nowMs = this.now();
    this.users.dropExpired(nowMs);
    this.#dropIdle(nowMs);
    for (const record of this.perishable) {
      if (this.users.find(record.user.code, nowMs) === undefined) {
        this.#forget(record);
        continue;
      }
      this.expire(record, nowMs);
      for (const [sender, { expiresAtMs }] of record.fences) {
        if (expiresAtMs <= nowMs) record.fences.delete(sender);
      }
      const done = record.mailbox.size === 0 && record.fences.size === 0 && record.seen.isEmpty(nowMs);
      if (done) this.perishable.delete(record);
    }
  }

  #dropIdle(nowMs: number): void {
    const ttlMs = this.#options.accountIdleTtlMs();
    if (ttlMs === 0) return;
    for (const record of [...this.users.all()]) {
      const { claimed, token, ban, epoch, endedMs } = record;
      const seenMs = Math.max(epoch, endedMs, Date.parse(record.user.createdAt));
      if (claimed && token === null && ban === null && nowMs - seenMs >= ttlMs) this.remove(record);
    }
  }
}

/** Why a session does not hold this user any more. */
export function loss(
  { ban, epoch, token }: UserRecord,
  session: SessionKey,
): 'banned' | 'ended' | 'displaced' {
  if (ban !== null) return 'banned';
  return epoch === session.epoch && token === null ? 'ended' : 'displaced';
}
