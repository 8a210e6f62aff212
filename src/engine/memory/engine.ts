import { REGISTRATION_MEMORY_PERCENT } from '../bounds.ts';
import type {
  Account,
  ClaimRequest,
  ClaimResult,
  DeliverOutcome,
  DeliverRequest,
  Engine,
  EngineHealth,
  EngineLimits,
  LeaveResult,
  LiveNode,
  MailboxId,
  MailboxListener,
  ReadRequest,
  ReadResult,
  RegisterResult,
  Registration,
  RotateResult,
  SessionKey,
  SessionState,
  Subscription,
  Unconfirmed,
} from '../engine.ts';
import type { Operators } from '../verbs/operators.ts';
import type { People } from '../verbs/people.ts';
import type { Prekeys } from '../verbs/prekeys.ts';
import { MemoryAnnouncements } from './announcements.ts';
import { deliver } from './deliver.ts';
import { Listeners } from './listeners.ts';
import { MemoryControl } from './operators/control.ts';
import { MemoryInvitations } from './operators/invitations.ts';
import { MemoryOperators } from './operators/operators.ts';
import { MemoryPeople } from './people.ts';
import { MemoryPrekeys } from './prekeys.ts';
import { loss, MemoryStore } from './store.ts';
import { MemorySubscriptions } from './subscriptions.ts';
import type { UserRecord } from './users.ts';

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
  readonly #store: MemoryStore;
  readonly #listeners = new Listeners();
  readonly people: People = new MemoryPeople({
    held: (session) => this.#store.held(session),
    maxBlocks: () => this.#limits.maxBlocks,
  });
  readonly #prekeys = new MemoryPrekeys({
    held: (session) => this.#store.held(session),
    find: (code) => this.#store.users.find(code, this.#store.now()),
    now: () => this.#store.now(),
  });
  readonly prekeys: Prekeys = this.#prekeys;
  readonly operators: Operators;
  readonly invitations: MemoryInvitations;
  readonly announcements: MemoryAnnouncements;
  readonly pushes: MemoryAnnouncements;
  readonly subscriptions: MemorySubscriptions;
  readonly control = new MemoryControl();

  constructor(options: MemoryEngineOptions) {
    this.#limits = options.limits;
    const { now = monotonicNow, maxBytes = DEFAULT_MAX_BYTES, accountIdleTtlMs = () => 0, limits } = options;
    this.#store = new MemoryStore({ limits, maxBytes, now, accountIdleTtlMs });
    this.invitations = new MemoryInvitations(now);
    const { announces = false, pushes = false, announceAfterMs = ANNOUNCE_AFTER_MS } = options;
    const away = {
      afterMs: announceAfterMs,
      now,
      find: (code: string) => this.#store.find(code),
      isLive: ({ token, user }: UserRecord) => token !== null && this.#listeners.hasAny(user.code),
    };
    this.announcements = new MemoryAnnouncements({ ...away, on: announces, subscriptionsOf: null });
    const subscriptionsOf = ({ subscriptions, subscribedUntilMs }: UserRecord) =>
      subscribedUntilMs > now() ? [...subscriptions.values()] : [];
    this.pushes = new MemoryAnnouncements({ ...away, on: pushes, subscriptionsOf });
    this.subscriptions = new MemorySubscriptions({
      held: (session) => this.#store.held(session),
      find: (code) => this.#store.find(code),
      now,
    });
    this.operators = new MemoryOperators({
      users: this.#store.users,
      now,
      mustRun: () => this.#store.mustRun(),
      endSession: (record) => this.#endSession(record),
      purge: (record) => this.#purge(record),
      remove: (record) => {
        this.#store.remove(record);
        this.#endSession(record);
      },
    });
  }

  async start(): Promise<void> {
    this.#store.start();
  }

  health(): EngineHealth {
    return this.#store.running
      ? { ready: true, reason: 'mailboxes are kept in this process' }
      : { ready: false, reason: 'the memory engine is not running' };
  }

  async close(): Promise<void> {
    this.#store.close();
    this.#listeners.clear();
  }

  async register(registration: Registration): Promise<RegisterResult> {
    this.#store.mustRun();
    const nowMs = this.#store.now();
    const known = this.#store.users.registered(registration, nowMs);
    if (known !== null) return known;
    const { admission = 'open' } = registration;
    if (admission === 'closed') return { outcome: 'closed' };
    if (admission === 'unworked') return { outcome: 'work_required' };
    const invitation = admission === 'open' ? null : admission.invitation;
    if (admission !== 'open') {
      if (invitation === null) return { outcome: 'invitation_required' };
      if (!this.invitations.admits(invitation)) return { outcome: 'invitation_invalid' };
    }
    if (!this.#store.hasRoom(0, REGISTRATION_MEMORY_PERCENT)) {
      return { outcome: 'full', why: 'memory' };
    }
    const result = this.#store.users.create(registration, nowMs);
    if (invitation !== null && result.outcome === 'created') this.invitations.use(invitation);
    return result;
  }

  async findUser(code: string): Promise<Account | 'gone' | null> {
    this.#store.mustRun();
    const record = this.#store.users.lookUp(code, this.#store.now());
    if (record === 'gone' || record === null) return record;
    return { ...record.user, claimed: record.claimed, minProtocol: record.minProtocol };
  }

  async reopen(code: string): Promise<boolean> {
    this.#store.mustRun();
    const record = this.#store.users.find(code, this.#store.now());
    if (record !== undefined) record.minProtocol = 1;
    return record !== undefined;
  }

  async liveNodes(): Promise<readonly LiveNode[]> {
    this.#store.mustRun();
    return [];
  }

  async subscribe(code: string, listener: MailboxListener): Promise<Subscription> {
    this.#store.mustRun();
    return this.#listeners.add(code, listener);
  }

  async claim({ code, token, protocol }: ClaimRequest): Promise<ClaimResult> {
    this.#store.mustRun();
    const nowMs = this.#store.now();
    const record = this.#store.users.find(code, nowMs);
    if (record === undefined) return { outcome: 'unknown_user' };
    const ban = record.banned(nowMs);
    if (ban !== null) return { outcome: 'banned', untilMs: ban.untilMs };
    record.ban = null;
    if (protocol < record.minProtocol) return { outcome: 'protocol_required' };
    this.#store.users.claim(record);
    record.minProtocol = protocol;
    record.epoch = Math.max(record.epoch + 1, Math.floor(nowMs));
    record.token = token;
    this.#store.expire(record, nowMs);
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
    this.#store.mustRun();
    const record = this.#store.users.find(session.code, this.#store.now());
    if (record === undefined) return 'unknown_user';
    // Nothing is ever forgotten here.
    if (record.token !== session.token) return loss(record, session);
    return cursor === null || record.mailbox.knows(cursor) ? 'held' : 'gone';
  }

  async read({ session, after, maxEnvelopes, maxBytes }: ReadRequest): Promise<ReadResult> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return { state: record };
    this.#store.expire(record, this.#store.now());
    if (after !== null && !record.mailbox.knows(after)) return { state: 'gone' };
    const envelopes = record.mailbox.read(after, maxEnvelopes, maxBytes);
    return { state: 'held', envelopes, last: record.mailbox.last };
  }

  async confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return record;
    if (!record.mailbox.knows(upTo)) return 'gone';
    this.#store.change(record, (mailbox) => mailbox.confirm(upTo));
    return 'held';
  }

  /** Dropped: after the end of the process no operator could look at it. */
  async deadLetter(session: SessionKey, id: MailboxId): Promise<SessionState> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return record;
    this.#store.change(record, (mailbox) => mailbox.remove(id));
    return 'held';
  }

  async release(session: SessionKey, unconfirmed?: Unconfirmed | null): Promise<void> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return;
    record.token = null;
    record.endedMs = this.#store.now();
    if (unconfirmed !== undefined) record.unconfirmed = unconfirmed;
    this.#noteAway(record);
  }

  async leave(session: SessionKey): Promise<LeaveResult> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return record;
    this.#store.remove(record);
    return 'left';
  }

  async rotate(session: SessionKey, ecdhPublicKey: string, proof: string): Promise<RotateResult> {
    const record = this.#store.held(session);
    if (typeof record === 'string') return record;
    record.user = { ...record.user, ecdhPublicKey, proof };
    return 'done';
  }

  async deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    this.#store.mustRun();
    const parts = { store: this.#store, listeners: this.#listeners, limits: this.#limits };
    return deliver(parts, request, (recipient) => this.#noteAway(recipient));
  }

  #noteAway(record: UserRecord): void {
    this.announcements.note(record);
    this.pushes.note(record);
  }

  #purge(record: UserRecord): number {
    const { size } = record.mailbox;
    this.#store.change(record, (mailbox) => mailbox.confirm(mailbox.last));
    return size;
  }

  #endSession(record: UserRecord): void {
    if (record.token !== null) record.endedMs = this.#store.now();
    record.token = null;
    this.#listeners.claimed(record.user.code, NO_TOKEN);
  }
}
