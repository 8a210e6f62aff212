/**
 * The key exchange of one conversation as a pure state machine: no clock, no randomness, no I/O of its own. docs/protocol.md
 * 6 is the specification. The state is JSON, stored in the same write as what it causes.
 *
 * Why it is safe in every order of events (test/unit/client/keys/exchange.test.ts plays them):
 * - Every fresh request is answered, so that no lost one can block a conversation. Requests that cross give two sessions.
 * - A session is sent under only once the other side is known to have it: the initiator knows from the signed answer, the
 *   responder from the first message that opens under it.
 * - Of several such sessions both sides send under the highest, by a rank that both compute alike from what both signed.
 * - So a side that sends under a session never returns to a lower one, and the side that opens a message may drop those.
 */

import {
  addSession,
  distrust,
  isKnown,
  newestGeneration,
  newestSession,
  PENDING_MAX,
  proveSession,
  type Session,
  type Sessions,
  sendingSession,
  updateSession,
} from '../messages/sessions.ts';
import type { AnswerPayload, RequestPayload, RequestTerms } from './exchange-payloads.ts';
import { isFresh, type Now } from './freshness.ts';

/** A request of ours that has not been answered yet. */
export interface PendingRequest {
  /** Hex SHA-256 of the bytes of the request's data. */
  readonly id: string;
  readonly secretKey: string;
  readonly publicKey: string;
  /** Hex; null if the request offers no ML-KEM. */
  readonly kemSeed: string | null;
  readonly static: boolean;
  /** Null for version 1. */
  readonly generation: number | null;
  /** Number of the message inside; null without. */
  readonly first: number | null;
  readonly atMs: number;
}

export interface ExchangeState extends Sessions {
  /** Oldest first, at most `PENDING_MAX`. */
  readonly pending: readonly PendingRequest[];
  /** Ids of the other's requests that were seen, answered or not: oldest first, at most `SEEN_MAX`. */
  readonly seen: readonly string[];
  /** Times of the newest requests of version 2, theirs that was answered and ours: the next must be later. */
  readonly theirNewestMs: number;
  readonly ourNewestMs: number;
  /** Requests of ours since keys were last agreed on, also those that the relay has refused, and when the last was made. */
  readonly asks: number;
  readonly askedMs: number;
  /** Messages that were sealed for this peer, over all sessions. */
  readonly sealed: number;
  /** The newest message of the other that has opened. */
  readonly newest: { readonly exchange: string; readonly counter: number } | null;
  /** The other side has lost our keys: what it has not got was in vain, and goes out again under the next. */
  readonly inVain: boolean;
}

export const NO_EXCHANGE: ExchangeState = {
  pending: [],
  sessions: [],
  retired: [],
  seen: [],
  spent: [],
  theirNewestMs: 0,
  ourNewestMs: 0,
  asks: 0,
  askedMs: 0,
  sealed: 0,
  newest: null,
  inVain: false,
};

/** The least that a peer has shown itself able to: it is not taken for less again. */
export interface Level {
  readonly version: 1 | 2;
  readonly hybrid: boolean;
}

/** A day, and a number of messages, after which keys are exchanged anew. */
export const REKEY_AFTER_MS = 86_400_000;
export const REKEY_AFTER_MESSAGES = 100;
/** How long after our answer a message of the other's is due that proves its keys: then we ask ourselves. */
export const PROOF_AFTER_MS = 2_000;
/** An unanswered request is repeated after these times, and every day from then on. */
const REPEAT_AFTER_MS = [60_000, 600_000, 3_600_000, 86_400_000] as const;
/** If the other side shows that it is there and has not answered. */
const REPEAT_ON_SIGNS_AFTER_MS = 60_000;
/** Beyond the mailbox's 7 days no answer can come. */
const PENDING_TTL_MS = 7 * 86_400_000;
/** Ten exchanges a day for months; older ones are refused by their time. */
const SEEN_MAX = 1_000;

/** How long to wait, before asking ourselves, for a message that proves keys that we have just answered with. */
export function proofDueMs(state: ExchangeState, nowMs: number): number {
  if (sendingSession(state) !== undefined) return 0;
  const answeredMs = Math.max(
    ...state.sessions.filter(({ role }) => role === 'responder').map(({ atMs }) => atMs),
  );
  const dueMs = answeredMs + PROOF_AFTER_MS - nowMs;
  // Also if the clock has gone back.
  return dueMs > 0 && dueMs <= PROOF_AFTER_MS ? dueMs : 0;
}

/** Whether something to send calls for a request now. */
export function wantsRequest(state: ExchangeState, nowMs: number): boolean {
  if (proofDueMs(state, nowMs) > 0) return false;
  const afterMs = REPEAT_AFTER_MS[state.asks - 1] ?? REPEAT_AFTER_MS[3];
  return needsKeys(state, nowMs) && mayAsk(state, nowMs, afterMs);
}

/** Whether keys are missing or expired. */
export function needsKeys(state: ExchangeState, nowMs: number): boolean {
  const session = sendingSession(state);
  return (
    session === undefined ||
    session.send.next >= REKEY_AFTER_MESSAGES ||
    nowMs - session.atMs >= REKEY_AFTER_MS
  );
}

/** Whether a sign that the other side lacks our keys, or waits for none, calls for a request now. */
export function mayAskOnSigns(state: ExchangeState, nowMs: number): boolean {
  return mayAsk(state, nowMs, REPEAT_ON_SIGNS_AFTER_MS);
}

function mayAsk(state: ExchangeState, nowMs: number, afterMs: number): boolean {
  return state.asks === 0 || nowMs - state.askedMs >= afterMs;
}

/** What a new request of version 2 says of our state. */
export function nextTerms(
  state: ExchangeState,
  nowMs: number,
): Pick<RequestTerms, 'generation' | 'previous' | 'atMs'> {
  return {
    generation: newestGeneration(state) + 1,
    previous: newestSession(state)?.id ?? null,
    atMs: Math.max(nowMs, state.ourNewestMs + 1),
  };
}

/** We ask. `lost` are messages inside requests that can no longer be answered. */
export function request(
  state: ExchangeState,
  asked: PendingRequest & { readonly signedAtMs: number | null },
): { readonly state: ExchangeState; readonly lost: readonly number[] } {
  const { signedAtMs, ...pending } = asked;
  const live = state.pending.filter(({ atMs }) => pending.atMs - atMs < PENDING_TTL_MS);
  const kept = [...live, pending].slice(-PENDING_MAX);
  const gone = state.pending.filter((each) => !kept.includes(each));
  const ourNewestMs = signedAtMs ?? state.ourNewestMs;
  const asks = { asks: state.asks + 1, askedMs: pending.atMs };
  return { state: { ...state, ...asks, pending: kept, ourNewestMs }, lost: firstsOf(gone) };
}

/** The relay refused our request for good: no answer will come. */
export function requestFailed(
  state: ExchangeState,
  id: string,
): { readonly state: ExchangeState; readonly lost: readonly number[] } {
  const gone = state.pending.filter((pending) => pending.id === id);
  return {
    state: { ...state, pending: state.pending.filter((pending) => pending.id !== id) },
    lost: firstsOf(gone),
  };
}

export type OnRequest =
  /** To be answered, with a fresh key and as this generation; null for version 1. */
  | { readonly outcome: 'answer'; readonly state: ExchangeState; readonly generation: number | null }
  /** Made for another relay, or long ago: a peer that needs keys is asked instead. */
  | { readonly outcome: 'stale'; readonly state: ExchangeState }
  /** Weaker than what this peer has shown to be able to. */
  | { readonly outcome: 'downgraded'; readonly state: ExchangeState }
  /** Seen before, or our own key turned back on us. */
  | { readonly outcome: 'ignored'; readonly state: ExchangeState };

/** The other side asks. `id` is the digest of the request. */
export function onRequest(
  before: ExchangeState,
  asked: RequestPayload & {
    readonly id: string;
    readonly level: Level;
    readonly now: Now;
    /** Our keys: no other side has them. */
    readonly ownKeys: readonly string[];
  },
): OnRequest {
  const { id, publicKey, terms, level, now, ownKeys } = asked;
  if (before.seen.includes(id)) return { outcome: 'ignored', state: before };
  const state = { ...before, seen: [...before.seen, id].slice(-SEEN_MAX) };
  const ours = [...ownKeys, ...state.pending.map((pending) => pending.publicKey)];
  if (ours.includes(publicKey)) return { outcome: 'ignored', state };
  if (isBelow(level, terms)) return { outcome: 'downgraded', state };
  if (terms === null) return { outcome: 'answer', state, generation: null };
  if (!isFresh(terms, now, state.theirNewestMs)) return { outcome: 'stale', state };
  const dated = { ...state, theirNewestMs: terms.atMs };
  const generation = Math.max(terms.generation, newestGeneration(state) + 1);
  // The other side no longer has what we agreed on: nothing more is sent under it.
  const lacksOurs = terms.previous === null || !isKnown(state, terms.previous);
  const lost = lacksOurs && state.sessions.length > 0;
  return { outcome: 'answer', state: lost ? { ...distrust(dated), inVain: true } : dated, generation };
}

/** A message was sealed under this session, whose counters have moved. Gives its place among all. */
export function onSealed(
  state: ExchangeState,
  session: Session,
): { readonly state: ExchangeState; readonly order: number } {
  const order = state.sealed;
  const { sealedBefore = order - session.send.next + 1 } = session;
  return { state: { ...updateSession(state, { ...session, sealedBefore }), sealed: order + 1 }, order };
}

/** The place of a message that we sealed; null if the session is no longer known. */
export function orderOf(state: ExchangeState, exchange: string, counter: number): number | null {
  const sealedBefore = state.sessions.find(({ id }) => id === exchange)?.sealedBefore;
  return sealedBefore === undefined ? null : sealedBefore + counter;
}

/** A message came under keys that we do not have: one of the two has lost its state. */
export function onUnknownKeys(state: ExchangeState): ExchangeState {
  return distrust(state);
}

/** We have answered. */
export function answered(state: ExchangeState, session: Session): ExchangeState {
  return addSession(state, session);
}

export type OnAnswer =
  /** Keys are to be derived from `pending` and the answer, and then handed to `agreed`. */
  | { readonly outcome: 'agreed'; readonly pending: PendingRequest }
  | { readonly outcome: 'downgraded' }
  /** To no request that is pending, or not to the one that it names. */
  | { readonly outcome: 'ignored' };

/** The other side answers. */
export function onAnswer(state: ExchangeState, answer: AnswerPayload, level: Level): OnAnswer {
  const pending = state.pending.find(({ id }) => id === answer.inReplyTo);
  if (pending === undefined || answer.publicKey === pending.publicKey) return { outcome: 'ignored' };
  const { terms } = answer;
  if (terms === null)
    return isBelow(level, null) ? { outcome: 'downgraded' } : { outcome: 'agreed', pending };
  if (pending.generation === null || terms.generation < pending.generation) return { outcome: 'ignored' };
  if (terms.kemCiphertext !== null && pending.kemSeed === null) return { outcome: 'ignored' };
  if (terms.kemCiphertext === null && level.hybrid) return { outcome: 'downgraded' };
  return { outcome: 'agreed', pending };
}

/**
 * The answer to `pending` gave a session. Answers come in the order of the requests, so older ones will not be answered any
 * more: `lost` are the messages inside them, and the one inside this if it was not opened.
 */
export function agreed(
  state: ExchangeState,
  by: { readonly pending: PendingRequest; readonly session: Session; readonly firstOpened: boolean },
): { readonly state: ExchangeState; readonly lost: readonly number[] } {
  const index = state.pending.findIndex(({ id }) => id === by.pending.id);
  const gone = state.pending.slice(0, by.firstOpened ? index : index + 1);
  const rest = { ...state, asks: 0, pending: state.pending.slice(index + 1) };
  return { state: addSession(rest, by.session), lost: firstsOf(gone) };
}

/**
 * A message opened under this session. If we are its responder, its initiator had our earlier requests before our answer:
 * those still pending were lost, or are ignored.
 */
export function onOpened(
  state: ExchangeState,
  session: Session,
): { readonly state: ExchangeState; readonly lost: readonly number[] } {
  const proven = proveSession(updateSession(state, session), session.id);
  if (session.role === 'initiator') return { state: proven, lost: [] };
  const gone = proven.pending.filter(({ atMs }) => atMs <= session.atMs);
  const pending = proven.pending.filter((each) => !gone.includes(each));
  return { state: { ...proven, asks: session.proven ? proven.asks : 0, pending }, lost: firstsOf(gone) };
}

function isBelow(level: Level, terms: { readonly kemPublicKey: unknown } | null): boolean {
  if (terms === null) return level.version === 2;
  return level.hybrid && terms.kemPublicKey === null;
}

function firstsOf(pending: readonly PendingRequest[]): number[] {
  return pending.flatMap(({ first }) => first ?? []);
}
