/**
 * The engine stores users and mailboxes, and wakes the node that holds a user's socket.
 *
 * The one idea: *the mailbox is the truth, publish/subscribe is only the wake-up, the socket owns nothing.*
 * An envelope exists once `deliver` has answered `stored`. Everything else (wake-ups, sessions) may be lost at any
 * moment; reading the mailbox again makes up for it.
 *
 * Promises, tested for every implementation by one contract suite (`test/engine`):
 * - **Atomic.** Each verb happens completely or not at all; the verbs of one user happen in one order.
 * - **Ordered.** The ids of one mailbox grow in the order of storing and never go back, whatever clocks do. Envelopes
 *   of one sender are stored in the order of its deliver calls.
 * - **At least once.** A stored envelope stays until `confirm`, or until it is older than `mailboxTtlMs`.
 * - **One session.** At most one token of a user is valid; only its holder reads, confirms and releases.
 *
 * Not promised: that a wake-up arrives, arrives once, or arrives in order (a session compares `prev` with its cursor,
 * and otherwise reads); that a rejected call did not happen (`EngineUnavailable` means "not known").
 */

import type { Account, User } from './account.ts';
import type { SessionKey, SessionState } from './session.ts';
import type { Announcements } from './verbs/announcements.ts';
import type { Control } from './verbs/control.ts';
import type { Invitations } from './verbs/invitations.ts';
import type { Operators } from './verbs/operators.ts';
import type { People, Policy } from './verbs/people.ts';
import type { PrekeyState, Prekeys } from './verbs/prekeys.ts';
import type { Subscriptions } from './verbs/subscriptions.ts';

export type { Account, SessionKey, SessionState, User };

/** Microseconds and a random tag, `<µs>-<tag>`: identifies one envelope in one history of one mailbox. */
export type MailboxId = string;

/** Before the first envelope of a mailbox. */
export const MAILBOX_START: MailboxId = '0-0';

export interface Registration {
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly name: string | null;
  /** The proof of the request, already verified by the caller: 128 lower-case hex digits. */
  readonly proof: string | null;
  /** What lets a new account in; a pair of keys that is registered needs nothing. Default: `open`. */
  readonly admission?: Admission;
}

/** Whom the relay registers: everybody, no new user, no new user whose client has not worked for it, or holders of an invitation (SHA-256 of its token, 64 hex digits; null if the request had none). */
export type Admission = 'open' | 'closed' | 'unworked' | { readonly invitation: string | null };

/**
 * - `created`
 * - `existing`: the same pair of keys; unchanged, but a proof claims the account and is kept
 * - `replaced`: unclaimed and proven: new ecdh key and name, same code and id
 * - `claimed`: another ecdh key, and the account has an owner
 * - `unproven`: another ecdh key, and the account is unclaimed: a proof would resolve it
 * - `full`: `maxUsers` reached, or too little memory left for mail
 * - `closed`, `work_required`, `invitation_required`, `invitation_invalid` (unknown, expired, revoked or used up): see `Admission`
 */
export type RegisterResult =
  | { readonly outcome: 'created' | 'existing' | 'replaced'; readonly user: User }
  | { readonly outcome: 'claimed' | 'unproven' }
  | { readonly outcome: 'full'; readonly why: 'memory' }
  | {
      readonly outcome: 'full';
      readonly why: 'users';
      /** When the first account expires that is neither claimed nor complete, unless it is by then; null without one. */
      readonly expiryInMs: number | null;
    }
  | { readonly outcome: 'closed' | 'work_required' | 'invitation_required' | 'invitation_invalid' };

/** An envelope on which a socket ended: pushed, not confirmed, and still in the mailbox. */
export interface Unconfirmed {
  readonly id: MailboxId;
  /** Sockets that its client ended, or lost, after the envelope was pushed whole. */
  readonly tries: number;
  /** Of those, sockets that the client closed with 1009: the frame was larger than it reads. */
  readonly tooBig: number;
  /** Sockets that the relay closed because no pong came: the client is slow, or its connection was dead. */
  readonly timeouts: number;
}

export interface ClaimRequest {
  readonly code: string;
  readonly token: string;
  readonly protocol: 1 | 2;
}

/**
 * - `claimed`: `waiting` envelopes up to and including id `last`; `expired` ones ran out since the previous claim. With
 *   `waiting` 0 the mailbox is empty, and the session is live from `last`.
 * - `protocol_required`: the account has logged in by protocol 2.
 * - `banned` by an operator, until then; null: for ever.
 */
export type ClaimResult =
  | {
      readonly outcome: 'claimed';
      readonly session: SessionKey;
      readonly waiting: number;
      readonly last: MailboxId;
      readonly expired: number;
      readonly policy: Policy;
      readonly prekeys: PrekeyState;
      /** What the last session noted at its end (`release`), if it waits still. */
      readonly unconfirmed: Unconfirmed | null;
    }
  | { readonly outcome: 'banned'; readonly untilMs: number | null }
  | { readonly outcome: 'unknown_user' | 'protocol_required' };

export interface ReadRequest {
  readonly session: SessionKey;
  /** The last id pushed on this socket; null reads from the start of the mailbox. */
  readonly after: MailboxId | null;
  readonly maxEnvelopes: number;
  /** At least one envelope is returned however large it is. */
  readonly maxBytes: number;
}

export interface StoredEnvelope {
  readonly id: MailboxId;
  /** Exactly the bytes that were stored; null if the entry is no envelope, which makes it a dead letter. */
  readonly frame: Buffer | null;
}

/**
 * Failures of the relay: `unreadable` (the entry is no envelope), `unsendable` (handing it to a socket fails each time).
 * Of the client: `too_big` (it closed with 1009 on it each time), `skipped` (it said so).
 */
export type DeadLetterReason = 'unreadable' | 'unsendable' | 'too_big' | 'skipped';

export type ReadResult =
  | {
      readonly state: 'held';
      /** Oldest first, without a gap behind `after`. */
      readonly envelopes: readonly StoredEnvelope[];
      /** The newest id of the mailbox: tells the reader whether it has caught up. */
      readonly last: MailboxId;
    }
  | { readonly state: Exclude<SessionState, 'held'> };

export type LeaveResult = 'left' | Exclude<SessionState, 'held'>;
export type RotateResult = 'done' | Exclude<SessionState, 'held'>;

/** One envelope to store. */
export interface Envelope {
  /** What the recipient will be sent: `{"data":…,"signature":"…"}`. UTF-8, as every frame is. */
  readonly frame: Buffer;
  /** The client's id and a digest of the bytes of `data`, for the 10-minute dedupe; null without an id. */
  readonly dedupe: { readonly id: string; readonly digest: string } | null;
  /** A request to talk (a `key_exchange`): what a stranger may leave with a user whose policy is `known`. */
  readonly request?: boolean;
}

/**
 * A batch from one sending session to one recipient. The caller keeps at most one batch in flight per pair and numbers
 * the batches: the fence (`epoch`, `number`) makes a late or repeated batch harmless.
 */
export interface DeliverRequest {
  readonly sender: string;
  readonly recipient: string;
  /** The epoch of the sender's session. */
  readonly epoch: number;
  /** Counts up from 1 per session and recipient. */
  readonly number: number;
  /** Monotonic milliseconds (`performance.now`): when the store was last asked and said that the session holds. */
  readonly heldAtMs: number;
  readonly envelopes: readonly Envelope[];
}

/**
 * The outcome for one envelope:
 * - `stored` · `repeated` (same id and bytes within 10 minutes: stored before)
 * - `recipient_unknown` · `id_conflict` · `mailbox_full`: not stored
 * - `share_full`: not stored; the mailbox has room, but this sender's share of it is used up
 * - `stale`: not stored; a newer session of the sender, or a later batch, came first
 * - `late`: by the clock of the store it is too long ago (`HOLD_MS`) that the session of the sender was known to hold;
 *   not stored. The whole batch. Ask (`reclaim`) and deliver again
 * - `unheard`: not stored, because the recipient does not hear this sender (see `People`); the sender must not learn it
 */
export type DeliverOutcome =
  | 'stored'
  | 'repeated'
  | 'recipient_unknown'
  | 'id_conflict'
  | 'mailbox_full'
  | 'share_full'
  | 'stale'
  | 'late'
  | 'unheard';

export interface WakeUp {
  readonly id: MailboxId;
  /** The mailbox's last id before this one. The frame may be pushed only if this equals the cursor. */
  readonly prev: MailboxId;
  readonly frame: Buffer;
}

/** Callbacks of a subscription. Called synchronously, never after `unsubscribe`; must not throw. */
export interface MailboxListener {
  /** An envelope was stored. */
  onWakeUp(wakeUp: WakeUp): void;
  /** A login claimed the user with this token, which may be the listener's own. */
  onClaimed(token: string): void;
  /** Wake-ups may have been lost, or the periodic check is due: read the mailbox from the cursor. */
  onPoll(): void;
  /** The store may have lost its sessions (reconnect, failover): `reclaim`, then read. */
  onReclaim(): void;
}

export interface Subscription {
  /** From now on calls `listener` instead of the previous one. */
  handTo(listener: MailboxListener): void;
  /** Subscribes again: a poll found an envelope whose wake-up was lost. */
  renew(): void;
  /** Idempotent; the listener is not called any more. */
  unsubscribe(): void;
}

/** Bounds that the engine enforces. */
export interface EngineLimits {
  readonly mailboxEnvelopes: number;
  readonly mailboxBytes: number;
  /** How much of both the envelopes of one sender may take. 100: no limit per sender. */
  readonly mailboxSharePercent: number;
  readonly mailboxTtlMs: number;
  readonly maxUsers: number;
  /** Codes that one user may block. */
  readonly maxBlocks: number;
}

/** `ready: false` turns `/readyz` to 503; `reason` is for people. */
export interface EngineHealth {
  readonly ready: boolean;
  readonly reason: string;
}

/** What a node tells about itself. */
export interface NodeDetails {
  /** `host:port` for clients. */
  readonly address: string;
  readonly version: string;
  /** Open WebSocket connections, at the last heartbeat. */
  readonly sockets: number;
}

export interface LiveNode extends NodeDetails {
  readonly id: string;
  /** UTC, ISO 8601: since when it runs. */
  readonly since: string;
}

/** The store did not answer in time, or refused: whether the call took effect is not known. */
export class EngineUnavailable extends Error {
  readonly code = 'unavailable';
}

/** `start` found what waiting does not mend: a store that must not be used, or that refuses the user. */
export class EngineMisconfigured extends Error {
  readonly code = 'misconfigured';
}

export interface Engine {
  /**
   * Connects and checks the store; rejects with a message that says what is wrong and what would be right:
   * `EngineUnavailable` if a later try may succeed, `EngineMisconfigured` if not. May be called again after a rejection.
   */
  start(): Promise<void>;
  /**
   * `ready` once envelopes can be stored and their wake-ups come back. In a store of several shards one may be down or
   * full: only its users suffer, and `reason` says so. Never asks the store: this is the last known state.
   */
  health(): EngineHealth;
  /** Ends subscriptions and connections. Calls in flight reject with `EngineUnavailable`. */
  close(): Promise<void>;

  register(registration: Registration): Promise<RegisterResult>;
  /** Null if no user has this (canonical) code; `gone` if one had it, and left or was deleted: it is never given again. */
  findUser(code: string): Promise<Account | 'gone' | null>;
  /**
   * Deletes the account of a session with everything that waits for it, and ends the session. Its code is never given
   * again. What an interrupted deletion leaves behind is finished by any node within minutes.
   */
  leave(session: SessionKey): Promise<LeaveResult>;
  /** Replaces the X25519 key that the account is registered with. @param proof of the new pair, verified */
  rotate(session: SessionKey, ecdhPublicKey: string, proof: string): Promise<RotateResult>;
  /**
   * For operators: lets an account that has logged in by protocol 2 use protocol 1 again, until its next login by
   * protocol 2. False if no user has this code.
   */
  reopen(code: string): Promise<boolean>;
  /** For operators: the nodes on this store that live, by id. Empty if the store belongs to one process. */
  liveNodes(): Promise<readonly LiveNode[]>;

  /** Resolves once the store has acknowledged: it tries to wake the listener for every envelope stored from now on. */
  subscribe(code: string, listener: MailboxListener): Promise<Subscription>;
  /**
   * Makes the caller the holder of the user's session and displaces any other: for a new, verified login only.
   * Subscribe first. Never queued: rejects in time, and then does not take effect later.
   * Claims the account, and, by protocol 2, closes it to protocol 1.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** After `onReclaim`: restores the session if the store has forgotten it; never displaces a newer one. */
  reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState>;
  read(request: ReadRequest): Promise<ReadResult>;
  /** Removes everything up to and including `upTo`, an id from a read or wake-up of this session. Idempotent. */
  confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState>;
  /**
   * Takes an envelope that can never be pushed out of the mailbox, so that it neither blocks those behind it nor comes
   * again at each login. A store that outlives the process keeps it for operators, in bounds. The others stay, in
   * order. Idempotent; an id that does not wait here changes nothing.
   */
  deadLetter(session: SessionKey, id: MailboxId, why: DeadLetterReason): Promise<SessionState>;
  /**
   * Gives the session up, if it still holds.
   * @param unconfirmed noted for the next claim; null forgets what was noted, and without it nothing changes
   */
  release(session: SessionKey, unconfirmed?: Unconfirmed | null): Promise<void>;

  /** One outcome per envelope of the batch, in order. See `DeliverRequest`. */
  deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]>;

  readonly people: People;
  readonly prekeys: Prekeys;
  readonly invitations: Invitations;
  readonly operators: Operators;
  /** Empty unless the engine was made to note users who are away. */
  readonly announcements: Announcements;
  /** The same of users who have subscriptions, apart from those: each user is announced by each way. */
  readonly pushes: Announcements;
  readonly subscriptions: Subscriptions;
  readonly control: Control;
}
