import { randomInt } from 'node:crypto';
import { HOLD_MS, REGISTRATION_MEMORY_PERCENT, TAG_VALUES } from '../bounds.ts';
import {
  type Account,
  type ClaimRequest,
  type ClaimResult,
  type DeliverOutcome,
  type DeliverRequest,
  type Engine,
  type EngineHealth,
  type EngineLimits,
  EngineUnavailable,
  type LeaveResult,
  type LiveNode,
  MAILBOX_START,
  type MailboxId,
  type MailboxListener,
  type ReadRequest,
  type ReadResult,
  type RegisterResult,
  type Registration,
  type RotateResult,
  type SessionKey,
  type SessionState,
  type Subscription,
  type Unconfirmed,
  type WakeUp,
} from '../engine.ts';
import type { Operators } from '../operators.ts';
import type { People } from '../people.ts';
import type { Prekeys } from '../prekeys.ts';
import { MemoryAnnouncements } from './announcements.ts';
import { answerFromFence, decide, raiseFence, remember } from './deliver.ts';
import { Heard } from './hearing.ts';
import { Listeners } from './listeners.ts';
import { MemoryControl } from './operators/control.ts';
import { MemoryInvitations } from './operators/invitations.ts';
import { MemoryOperators } from './operators/operators.ts';
import { MemoryPeople } from './people.ts';
import { MemoryPrekeys } from './prekeys.ts';
import { MemorySubscriptions } from './subscriptions.ts';
import { type UserRecord, Users } from './users.ts';

export interface MemoryEngineOptions {
  readonly limits: EngineLimits;
  /** Milliseconds since 1970, fractions allowed; never goes back. */
  readonly now?: () => number;
  /** Of all mailboxes together; beyond it `deliver` is unavailable, as with a Redis at its maxmemory. */
  readonly maxBytes?: number;
  /** Whether users who are away are noted, to be announced. Default: no. */
  readonly announces?: boolean;
  /** The same for users with subscriptions, to be announced by Web Push. */
  readonly pushes?: boolean;
  /** See `Timings` of the Redis engine. */
  readonly announceAfterMs?: number;
  /** Accounts that have not been connected for so long are deleted; 0, the default: never. Asked each time. */
  readonly accountIdleTtlMs?: () => number;
}

const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;
const ANNOUNCE_AFTER_MS = 1_000;
const SWEEP_EVERY_MS = 60_000;
/** The time of this process's start, carried on by its monotonic clock: a clock that is set expires nothing. */
const monotonicNow = () => performance.timeOrigin + performance.now();
/** No session has this token: a session that hears it asks who holds the user. */
const NO_TOKEN = '0'.repeat(32);

/** One node, nothing to install; everything is lost at the end of the process. See `Engine`. */
export function createMemoryEngine(options: MemoryEngineOptions): Engine {
  return new MemoryEngine(options);
}

class MemoryEngine implements Engine {
  readonly #limits: EngineLimits;
  readonly #now: () => number;
  readonly #maxBytes: number;
  readonly #accountIdleTtlMs: () => number;
  readonly #users: Users;
  readonly #listeners = new Listeners();
  /** Users with anything that expires: entries, fences, ids. Bounds the sweep. */
  readonly #perishable = new Set<UserRecord>();
  readonly people: People = new MemoryPeople({
    held: (session) => this.#held(session),
    maxBlocks: () => this.#limits.maxBlocks,
  });
  readonly #prekeys = new MemoryPrekeys({
    held: (session) => this.#held(session),
    find: (code) => this.#users.find(code, this.#now()),
    now: () => this.#now(),
  });
  readonly prekeys: Prekeys = this.#prekeys;
  readonly operators: Operators;
  readonly invitations: MemoryInvitations;
  readonly announcements: MemoryAnnouncements;
  readonly pushes: MemoryAnnouncements;
  readonly subscriptions: MemorySubscriptions;
  readonly control = new MemoryControl();
  #bytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: MemoryEngineOptions) {
    this.#limits = options.limits;
    this.#now = options.now ?? monotonicNow;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#accountIdleTtlMs = options.accountIdleTtlMs ?? (() => 0);
    this.#users = new Users(options.limits.maxUsers);
    this.invitations = new MemoryInvitations(this.#now);
    const { announces = false, pushes = false, announceAfterMs = ANNOUNCE_AFTER_MS } = options;
    const away = {
      afterMs: announceAfterMs,
      now: this.#now,
      find: (code: string) => this.#find(code),
      isLive: ({ token, user }: UserRecord) => token !== null && this.#listeners.hasAny(user.code),
    };
    this.announcements = new MemoryAnnouncements({ ...away, on: announces, subscriptionsOf: null });
    const subscriptionsOf = ({ subscriptions, subscribedUntilMs }: UserRecord) =>
      subscribedUntilMs > this.#now() ? [...subscriptions.values()] : [];
    this.pushes = new MemoryAnnouncements({ ...away, on: pushes, subscriptionsOf });
    this.subscriptions = new MemorySubscriptions({
      held: (session) => this.#held(session),
      find: (code) => this.#find(code),
      now: this.#now,
    });
    this.operators = new MemoryOperators({
      users: this.#users,
      now: this.#now,
      mustRun: () => this.#mustRun(),
      endSession: (record) => this.#endSession(record),
      purge: (record) => this.#purge(record),
      remove: (record) => {
        this.#remove(record);
        this.#endSession(record);
      },
    });
  }

  async start(): Promise<void> {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  health(): EngineHealth {
    return this.#sweeper === undefined
      ? { ready: false, reason: 'the memory engine is not running' }
      : { ready: true, reason: 'mailboxes are kept in this process' };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    this.#listeners.clear();
  }

  async register(registration: Registration): Promise<RegisterResult> {
    this.#mustRun();
    const nowMs = this.#now();
    const known = this.#users.registered(registration, nowMs);
    if (known !== null) return known;
    const { admission = 'open' } = registration;
    if (admission === 'closed') return { outcome: 'closed' };
    const invitation = admission === 'open' ? null : admission.invitation;
    if (admission !== 'open') {
      if (invitation === null) return { outcome: 'invitation_required' };
      if (!this.invitations.admits(invitation)) return { outcome: 'invitation_invalid' };
    }
    if (this.#bytes > (this.#maxBytes / 100) * REGISTRATION_MEMORY_PERCENT) {
      return { outcome: 'full', why: 'memory' };
    }
    const result = this.#users.create(registration, nowMs);
    if (invitation !== null && result.outcome === 'created') this.invitations.use(invitation);
    return result;
  }

  async findUser(code: string): Promise<Account | 'gone' | null> {
    this.#mustRun();
    const record = this.#users.find(code, this.#now());
    return record === undefined
      ? this.#users.isGone(code)
        ? 'gone'
        : null
      : { ...record.user, claimed: record.claimed, minProtocol: record.minProtocol };
  }

  async reopen(code: string): Promise<boolean> {
    this.#mustRun();
    const record = this.#users.find(code, this.#now());
    if (record !== undefined) record.minProtocol = 1;
    return record !== undefined;
  }

  async liveNodes(): Promise<readonly LiveNode[]> {
    this.#mustRun();
    return [];
  }

  async subscribe(code: string, listener: MailboxListener): Promise<Subscription> {
    this.#mustRun();
    return this.#listeners.add(code, listener);
  }

  async claim({ code, token, protocol }: ClaimRequest): Promise<ClaimResult> {
    this.#mustRun();
    const nowMs = this.#now();
    const record = this.#users.find(code, nowMs);
    if (record === undefined) return { outcome: 'unknown_user' };
    const ban = record.banned(nowMs);
    if (ban !== null) return { outcome: 'banned', untilMs: ban.untilMs };
    record.ban = null;
    if (protocol < record.minProtocol) return { outcome: 'protocol_required' };
    this.#users.claim(record);
    record.minProtocol = protocol;
    record.epoch = Math.max(record.epoch + 1, Math.floor(nowMs));
    record.token = token;
    this.#expire(record, nowMs);
    const { mailbox } = record;
    const expired = mailbox.expired;
    mailbox.expired = 0;
    this.#listeners.claimed(code, token);
    const session: SessionKey = { code, token, epoch: record.epoch, protocol };
    const { unconfirmed, hearing } = record;
    const waits = unconfirmed !== null && mailbox.holds(unconfirmed.id);
    const counts = { waiting: mailbox.size, last: mailbox.last, expired };
    return {
      outcome: 'claimed',
      session,
      ...counts,
      policy: hearing.policy,
      prekeys: this.#prekeys.stateOf(record),
      unconfirmed: waits ? unconfirmed : null,
    };
  }

  async reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState> {
    this.#mustRun();
    const record = this.#users.find(session.code, this.#now());
    if (record === undefined) return 'unknown_user';
    // Nothing is ever forgotten here.
    if (record.token !== session.token) return loss(record, session);
    return cursor === null || record.mailbox.knows(cursor) ? 'held' : 'gone';
  }

  async read({ session, after, maxEnvelopes, maxBytes }: ReadRequest): Promise<ReadResult> {
    const record = this.#held(session);
    if (typeof record === 'string') return { state: record };
    this.#expire(record, this.#now());
    if (after !== null && !record.mailbox.knows(after)) return { state: 'gone' };
    const envelopes = record.mailbox.read(after, maxEnvelopes, maxBytes);
    return { state: 'held', envelopes, last: record.mailbox.last };
  }

  async confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState> {
    const record = this.#held(session);
    if (typeof record === 'string') return record;
    if (!record.mailbox.knows(upTo)) return 'gone';
    const before = record.mailbox.bytes;
    record.mailbox.confirm(upTo);
    this.#bytes += record.mailbox.bytes - before;
    return 'held';
  }

  /** Dropped: after the end of the process no operator could look at it. */
  async deadLetter(session: SessionKey, id: MailboxId): Promise<SessionState> {
    const record = this.#held(session);
    if (typeof record === 'string') return record;
    this.#bytes -= record.mailbox.remove(id);
    return 'held';
  }

  async release(session: SessionKey, unconfirmed?: Unconfirmed | null): Promise<void> {
    const record = this.#held(session);
    if (typeof record === 'string') return;
    record.token = null;
    record.endedMs = this.#now();
    if (unconfirmed !== undefined) record.unconfirmed = unconfirmed;
    this.#noteAway(record);
  }

  async leave(session: SessionKey): Promise<LeaveResult> {
    const record = this.#held(session);
    if (typeof record === 'string') return record;
    this.#remove(record);
    return 'left';
  }

  async rotate(session: SessionKey, ecdhPublicKey: string, proof: string): Promise<RotateResult> {
    const record = this.#held(session);
    if (typeof record === 'string') return record;
    record.user = { ...record.user, ecdhPublicKey, proof };
    return 'done';
  }

  async deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    this.#mustRun();
    const nowMs = this.#now();
    const recipient = this.#users.find(request.recipient, nowMs);
    if (recipient === undefined || recipient.banned(nowMs) !== null) {
      return request.envelopes.map(() => 'recipient_unknown');
    }
    if (performance.now() - request.heldAtMs > HOLD_MS) return request.envelopes.map(() => 'late');
    const answered = answerFromFence(recipient, request, nowMs);
    if (answered !== null) return answered;
    this.#expire(recipient, nowMs);
    const limits = this.#limits;
    const { hearing, mailbox } = recipient;
    const heard = new Heard({ hearing, mailbox, sender: request.sender, limits, nowMs });
    const outcomes = decide(recipient, request, { limits, heard, nowMs });
    const sizeOf = (outcome: DeliverOutcome) =>
      request.envelopes.reduce((sum, { frame }, i) => sum + (outcomes[i] === outcome ? frame.length : 0), 0);
    // A sender who is not heard must not be told that there is room where others are told that there is none.
    const size = sizeOf('stored');
    if (this.#bytes + size + sizeOf('unheard') > this.#maxBytes) {
      throw new EngineUnavailable(
        'the memory engine is full: confirm what waits, or run with RELAY_REDIS_URL',
      );
    }
    this.#bytes += size;
    const tag = randomInt(TAG_VALUES);
    const ids = new Map<number, MailboxId>();
    for (const [index, envelope] of request.envelopes.entries()) {
      if (outcomes[index] !== 'stored') continue;
      // A copy: the caller's buffer may be a slice of something larger, or about to be reused.
      const frame = Buffer.from(envelope.frame);
      const { id, prev } = mailbox.append({ frame, sender: request.sender }, Math.floor(nowMs * 1000), tag);
      ids.set(index, id);
      const wakeUp: WakeUp = { id, prev, frame };
      this.#listeners.wake(request.recipient, wakeUp);
    }
    heard.keep((index) => ids.get(index) ?? MAILBOX_START);
    const taken = request.envelopes.filter((_, i) => outcomes[i] === 'stored' || outcomes[i] === 'unheard');
    remember(recipient, request.sender, taken, nowMs);
    raiseFence(recipient, request, outcomes, nowMs);
    this.#perishable.add(recipient);
    if (ids.size > 0) this.#noteAway(recipient);
    return outcomes;
  }

  /** The user of a session that holds, or why it does not. */
  #held(session: SessionKey): UserRecord | Exclude<SessionState, 'held'> {
    this.#mustRun();
    const record = this.#users.find(session.code, this.#now());
    if (record === undefined) return 'unknown_user';
    // Equality, not order: the pong of an old socket is no receipt once another holds the user.
    return record.token === session.token ? record : loss(record, session);
  }

  #noteAway(record: UserRecord): void {
    this.announcements.note(record);
    this.pushes.note(record);
  }

  #remove(record: UserRecord): void {
    this.#bytes -= record.mailbox.bytes;
    this.#perishable.delete(record);
    this.#users.remove(record);
  }

  #purge({ mailbox }: UserRecord): number {
    const { size, bytes } = mailbox;
    this.#bytes -= bytes;
    mailbox.confirm(mailbox.last);
    return size;
  }

  /** What has expired does not wait any more. */
  #find(code: string): UserRecord | undefined {
    const nowMs = this.#now();
    const record = this.#users.find(code, nowMs);
    if (record !== undefined) this.#expire(record, nowMs);
    return record;
  }

  #endSession(record: UserRecord): void {
    if (record.token !== null) record.endedMs = this.#now();
    record.token = null;
    this.#listeners.claimed(record.user.code, NO_TOKEN);
  }

  #expire(record: UserRecord, nowMs: number): void {
    const before = record.mailbox.bytes;
    record.mailbox.expire(Math.floor((nowMs - this.#limits.mailboxTtlMs) * 1000));
    this.#bytes += record.mailbox.bytes - before;
  }

  #dropIdle(nowMs: number): void {
    const ttlMs = this.#accountIdleTtlMs();
    if (ttlMs === 0) return;
    for (const record of [...this.#users.all()]) {
      const { claimed, token, ban, epoch, endedMs } = record;
      const seenMs = Math.max(epoch, endedMs, Date.parse(record.user.createdAt));
      if (claimed && token === null && ban === null && nowMs - seenMs >= ttlMs) this.#remove(record);
    }
  }

  #sweep(): void {
    const nowMs = this.#now();
    this.#users.dropExpired(nowMs);
    this.#dropIdle(nowMs);
    for (const record of this.#perishable) {
      if (this.#users.find(record.user.code, nowMs) === undefined) {
        this.#bytes -= record.mailbox.bytes;
        this.#perishable.delete(record);
        continue;
      }
      this.#expire(record, nowMs);
      for (const [sender, { expiresAtMs }] of record.fences) {
        if (expiresAtMs <= nowMs) record.fences.delete(sender);
      }
      const done = record.mailbox.size === 0 && record.fences.size === 0 && record.seen.isEmpty(nowMs);
      if (done) this.#perishable.delete(record);
    }
  }

  #mustRun(): void {
    if (this.#sweeper === undefined) throw new EngineUnavailable('the memory engine is not running');
  }
}

function loss({ ban, epoch, token }: UserRecord, session: SessionKey): 'banned' | 'ended' | 'displaced' {
  if (ban !== null) return 'banned';
  return epoch === session.epoch && token === null ? 'ended' : 'displaced';
}
