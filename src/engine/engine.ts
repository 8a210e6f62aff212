/**
 * The engine keeps users and mailboxes and wakes the node that holds a user's socket.
 *
 * The one idea: *the mailbox is the truth, publish/subscribe is only the wake-up, the socket owns nothing.*
 * An envelope exists once `deliver` has answered `stored`; everything else (wake-ups, sessions) may be lost
 * at any moment and is made good by reading the mailbox again.
 *
 * Promises, kept by every implementation and held by one contract suite (`test/engine`):
 * - **Atomic.** Each verb happens whole or not at all, in one order per user.
 * - **Ordered.** Envelopes of one mailbox have ids that grow in the order of storing and never go back,
 *   whatever clocks do. Envelopes of one sender are stored in the order of its deliver calls.
 * - **At least once.** What was stored stays until `confirm`, or until it is older than `mailboxTtlMs`.
 * - **One session.** At most one token of a user holds; only its holder reads, confirms and releases.
 *
 * Not promised: that a wake-up arrives, arrives once, or in order (a session compares `prev` with its
 * cursor and otherwise reads); that a rejected call did not happen (`EngineUnavailable` says "not known").
 */

/** Microseconds and a random tag, `<µs>-<tag>`: names one envelope of one history of one mailbox. */
export type MailboxId = string;

/** Before the first envelope of a mailbox. */
export const MAILBOX_START: MailboxId = '0-0';

export interface User {
  /** Counts up from 1; gaps are allowed. */
  readonly id: number;
  readonly code: string;
  readonly name: string | null;
  /** 64 lower-case hex digits: X25519. */
  readonly ecdhPublicKey: string;
  /** 64 lower-case hex digits: Ed25519. */
  readonly eddsaPublicKey: string;
  /** 128 lower-case hex digits: the Ed25519 signature that vouches for the X25519 key; null if none was given. */
  readonly proof: string | null;
  /** UTC, six decimals and `Z`. */
  readonly createdAt: string;
}

export interface Account extends User {
  /** True after a registration with proof or a first successful login. */
  readonly claimed: boolean;
  /** 2 once the account has logged in by protocol 2: protocol 1 is refused from then on. */
  readonly minProtocol: 1 | 2;
}

export interface Registration {
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
  readonly name: string | null;
  /** The proof of the request, already verified by the caller: 128 lower-case hex digits. */
  readonly proof: string | null;
}

/**
 * - `created`, `existing` (the same pair of keys: unchanged, but a proof claims it and is kept), `replaced` (unclaimed, proven:
 *   new ecdh key and name, same code and id)
 * - `claimed` (another ecdh key, and the account belongs to somebody), `unproven` (another ecdh key, unclaimed:
 *   a proof would resolve it), `full` (`maxUsers` reached, or too little memory left for mail)
 */
export type RegisterResult =
  | { readonly outcome: 'created' | 'existing' | 'replaced'; readonly user: User }
  | { readonly outcome: 'claimed' | 'unproven' | 'full' };

/** One login: names the user and proves, by equality of the token, who holds the session. */
export interface SessionKey {
  readonly code: string;
  /** 32 random hex digits, made by the node for each claim. */
  readonly token: string;
  /** Given by `claim`; grows with every claim of the user. */
  readonly epoch: number;
  /** As claimed, so that `reclaim` can write a lost login again whole (protocol 2 closes the account to 1). */
  readonly protocol: 1 | 2;
}

export interface ClaimRequest {
  readonly code: string;
  readonly token: string;
  readonly protocol: 1 | 2;
}

/**
 * - `claimed`: `waiting` envelopes up to and including id `last`; `expired` of them ran out since the last claim.
 *   An empty mailbox has `waiting` 0, and the session is live from `last`.
 * - `protocol_required`: the account has spoken protocol 2.
 */
export type ClaimResult =
  | {
      readonly outcome: 'claimed';
      readonly session: SessionKey;
      readonly waiting: number;
      readonly last: MailboxId;
      readonly expired: number;
    }
  | { readonly outcome: 'unknown_user' | 'protocol_required' };

/**
 * Whether a session still stands:
 * - `held`
 * - `displaced`: a newer claim holds the user
 * - `gone`: the cursor points into a history that the store no longer has (a failover lost the tail):
 *   nothing was trimmed; the socket must be closed with 1012, never rewound
 * - `unknown_user`: the store has lost or expired the user
 */
export type SessionState = 'held' | 'displaced' | 'gone' | 'unknown_user';

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
  /** Exactly the bytes that were stored; null if the entry cannot be decoded: poison, to be set aside. */
  readonly frame: Buffer | null;
}

/** `unreadable`: the entry is no envelope. `unsendable`: handing it to a socket fails each time. */
export type DeadLetterReason = 'unreadable' | 'unsendable';

export type ReadResult =
  | {
      readonly state: 'held';
      /** Oldest first, contiguous behind `after`. */
      readonly envelopes: readonly StoredEnvelope[];
      /** The newest id of the mailbox, so that the reader knows whether it has caught up. */
      readonly last: MailboxId;
    }
  | { readonly state: Exclude<SessionState, 'held'> };

/** One envelope to store. */
export interface Envelope {
  /** What the recipient will be sent: `{"data":…,"signature":"…"}`. UTF-8, as every frame is. */
  readonly frame: Buffer;
  /** The client's id and a digest of the bytes of `data`, for the 10-minute dedupe; null without an id. */
  readonly dedupe: { readonly id: string; readonly digest: string } | null;
}

/**
 * A batch of one sending session to one recipient. The caller keeps at most one batch in flight per pair and
 * numbers them: the fence (`epoch`, `number`) makes a batch that is late, or repeated, harmless.
 */
export interface DeliverRequest {
  readonly sender: string;
  readonly recipient: string;
  /** The epoch of the sender's session. */
  readonly epoch: number;
  /** Counts up from 1 per session and recipient. */
  readonly number: number;
  readonly envelopes: readonly Envelope[];
}

/**
 * What became of one envelope:
 * - `stored` · `repeated` (same id and bytes within 10 minutes: stored before, answered again)
 * - `recipient_unknown` · `id_conflict` · `mailbox_full`: not stored
 * - `share_full`: the mailbox has room, but as much of it as one sender may have is this sender's already: not stored
 * - `stale`: a newer session of the sender, or a later batch, has been here: not stored
 */
export type DeliverOutcome =
  | 'stored'
  | 'repeated'
  | 'recipient_unknown'
  | 'id_conflict'
  | 'mailbox_full'
  | 'share_full'
  | 'stale';

export interface WakeUp {
  readonly id: MailboxId;
  /** The mailbox's last id before this one. Only if it equals the cursor may the frame be pushed. */
  readonly prev: MailboxId;
  readonly frame: Buffer;
}

/** What a subscription may say. Called synchronously, never after `unsubscribe`; must not throw. */
export interface MailboxListener {
  /** An envelope was stored. */
  onWakeUp(wakeUp: WakeUp): void;
  /** The user was claimed with this token, which may be one's own. */
  onClaimed(token: string): void;
  /** Wake-ups may have been lost, or it is time to make sure: read the mailbox from the cursor. */
  onPoll(): void;
  /** The store may have lost what it knew of sessions (reconnect, failover): `reclaim`, then read. */
  onReclaim(): void;
}

export interface Subscription {
  /** From here on `listener` is called, and the one before it no more. */
  handTo(listener: MailboxListener): void;
  /** Asks for the subscription to be made again: a look found what no wake-up had told. */
  renew(): void;
  /** Idempotent; the listener is silent from here on. */
  unsubscribe(): void;
}

/** Bounds that the engine enforces. */
export interface EngineLimits {
  readonly mailboxEnvelopes: number;
  readonly mailboxBytes: number;
  /** Of both, what the envelopes of one sender may take. 100: no sender has a limit of his own. */
  readonly mailboxSharePercent: number;
  readonly mailboxTtlMs: number;
  readonly maxUsers: number;
}

/** `ready: false` turns `/readyz` to 503; `reason` is for people. */
export interface EngineHealth {
  readonly ready: boolean;
  readonly reason: string;
}

/** The store could not be reached in time, or is refusing: it is not known whether the call took place. */
export class EngineUnavailable extends Error {
  readonly code = 'unavailable';
}

/** `start` found what waiting does not mend: a store that must not be used, or that refuses the user. */
export class EngineMisconfigured extends Error {
  readonly code = 'misconfigured';
}

export interface Engine {
  /**
   * Opens what is needed and checks it; rejects with a message that says what is wrong and what would be right:
   * `EngineUnavailable` if a later try may succeed, `EngineMisconfigured` if not. May be called again after a rejection.
   */
  start(): Promise<void>;
  /**
   * `ready` once envelopes can be stored and their wake-ups come back. Of a store in several parts one may be down, or
   * full: its users alone suffer, and `reason` tells. Never asks the store: the last known state.
   */
  health(): EngineHealth;
  /** Ends subscriptions and connections. Calls in flight reject with `EngineUnavailable`. */
  close(): Promise<void>;

  register(registration: Registration): Promise<RegisterResult>;
  /** Null if no user has this (canonical) code. */
  findUser(code: string): Promise<Account | null>;
  /**
   * For operators: lets an account that has spoken protocol 2 log in by protocol 1 again, until its next login by
   * protocol 2. False if no user has this code.
   */
  reopen(code: string): Promise<boolean>;

  /** Resolves when the store has acknowledged: every envelope stored from now on wakes the listener, if it can. */
  subscribe(code: string, listener: MailboxListener): Promise<Subscription>;
  /**
   * Makes the caller the holder of the user's session and displaces any other: for a new, verified login only.
   * Subscribe first. Never queued: rejects within `timeoutMs` and does not happen afterwards.
   * Claims the account, and, by protocol 2, closes it to protocol 1.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** After `onReclaim`: writes the session again where the store has forgotten it; never displaces a newer one. */
  reclaim(session: SessionKey, cursor: MailboxId | null): Promise<SessionState>;
  read(request: ReadRequest): Promise<ReadResult>;
  /** Removes everything up to and including `upTo`, which was read or woken for in this session. Idempotent. */
  confirm(session: SessionKey, upTo: MailboxId): Promise<SessionState>;
  /**
   * Poison: takes one envelope out of the mailbox that can never be pushed, so that it neither blocks those behind it
   * nor comes again at each login. Where the store outlives the process it is kept for an operator to look at, in
   * bounds. The others stay, in order. Idempotent; an id that does not wait here changes nothing.
   */
  deadLetter(session: SessionKey, id: MailboxId, why: DeadLetterReason): Promise<SessionState>;
  /** Gives the session up, if it still holds. */
  release(session: SessionKey): Promise<void>;

  /** One outcome for each envelope of the batch, in order. See `DeliverRequest`. */
  deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]>;
}
