/**
 * The key exchange of one conversation as a pure state machine: no clock, no randomness, no I/O of its own.
 * PROTOCOL.md 6 is the law. The state is JSON, stored in the same write as what it causes.
 *
 * What makes it safe in every order of events (test/unit/client/exchange.test.ts plays them):
 * - Each side may answer a request as soon as it has it, and then holds a session whose key the other may or may
 *   not have yet. So a responder goes on *sending* under a session that is proven (a message under it opened)
 *   until the new one is proven too; an initiator has the proof already, the signed acknowledgement.
 * - Without any proven session the responder sends under the newest unproven one, so that it can write to
 *   somebody who asked and went offline. Frames of one sender stay in order, so the acknowledgement is there first.
 * - Sessions older than one under which a message opened are dropped: their sender has moved on.
 */
import { sessionKeys } from './session-keys.ts';
import { addSession, PENDING_MAX, type Session, type Sessions, sendingSession } from './sessions.ts';

/** A request of ours that nobody has answered yet. */
interface PendingRequest {
  /** Hex SHA-256 of the bytes of the request's data: names the exchange. */
  readonly id: string;
  readonly secretKey: string;
  readonly publicKey: string;
  readonly lasting: boolean;
  readonly atMs: number;
}

export interface ExchangeState extends Sessions {
  /** Oldest first, at most `PENDING_MAX`. */
  readonly pending: readonly PendingRequest[];
  /** Ids of the other's requests that were seen, answered or not: oldest first, at most `SEEN_MAX`. */
  readonly seen: readonly string[];
}

export const NO_EXCHANGE: ExchangeState = { pending: [], sessions: [], seen: [], halted: false, spent: [] };

export interface KeyPair {
  readonly secretKey: string;
  readonly publicKey: string;
  /** It is the registered pair and not a fresh one. */
  readonly lasting: boolean;
}

/** Who talks to whom: what the keys are bound to. */
export interface Peers {
  readonly own: { readonly code: string; readonly eddsaPublicKey: string };
  readonly peer: { readonly code: string; readonly eddsaPublicKey: string };
}

/** A day, and a number of messages, after which the keys are exchanged again. */
export const REKEY_AFTER_MS = 86_400_000;
export const REKEY_AFTER_MESSAGES = 10_000;
/** An unanswered request is repeated (freshly) after a day, or after a minute if the other side shows need of it. */
const ASK_AGAIN_AFTER_MS = 86_400_000;
const ASK_AGAIN_ON_SIGNS_AFTER_MS = 60_000;
/** Beyond the mailbox's 7 days no answer can come. */
const PENDING_TTL_MS = 7 * 86_400_000;
/** One exchange a day: years. An older one replayed gives a session that stays unproven, and is not sent under. */
const SEEN_MAX = 1_000;

/** Whether something to send calls for a request now. */
export function wantsRequest(state: ExchangeState, nowMs: number): boolean {
  const session = sendingSession(state);
  const worn =
    session === undefined || session.sent >= REKEY_AFTER_MESSAGES || nowMs - session.atMs >= REKEY_AFTER_MS;
  return worn && mayAsk(state, nowMs, ASK_AGAIN_AFTER_MS);
}

/** Whether a sign that the other side lacks our keys calls for a request now. */
export function mayAskOnSigns(state: ExchangeState, nowMs: number): boolean {
  return mayAsk(state, nowMs, ASK_AGAIN_ON_SIGNS_AFTER_MS);
}

function mayAsk(state: ExchangeState, nowMs: number, afterMs: number): boolean {
  const newest = state.pending.at(-1);
  return newest === undefined || nowMs - newest.atMs >= afterMs;
}

/** We ask: `id` is the digest of the request as signed. */
export function request(
  state: ExchangeState,
  asked: { readonly id: string; readonly keys: KeyPair; readonly nowMs: number },
): ExchangeState {
  const { id, keys, nowMs } = asked;
  const live = state.pending.filter((pending) => nowMs - pending.atMs < PENDING_TTL_MS);
  const pending = { id, ...keys, atMs: nowMs };
  return { ...state, pending: [...live, pending].slice(-PENDING_MAX) };
}

/** The relay refused our request for good: no answer will come. */
export function requestFailed(state: ExchangeState, id: string): ExchangeState {
  return { ...state, pending: state.pending.filter((pending) => pending.id !== id) };
}

export type OnRequest =
  /** Acknowledge with `publicKey` and `in_reply_to: id`. */
  | { readonly outcome: 'answer'; readonly state: ExchangeState; readonly session: Session }
  /** Ours stands; if it is old, ask anew. */
  | { readonly outcome: 'crossed'; readonly state: ExchangeState }
  | { readonly outcome: 'repeated' | 'invalid'; readonly state: ExchangeState };

/** The other side asks. `keys` is the pair to answer with: fresh, or the registered one for the plain flow. */
export function onRequest(
  state: ExchangeState,
  asked: {
    readonly id: string;
    readonly publicKey: string;
    readonly keys: KeyPair;
    readonly peers: Peers;
    readonly nowMs: number;
  },
): OnRequest {
  const { id, publicKey, keys, peers, nowMs } = asked;
  if (state.seen.includes(id)) return { outcome: 'repeated', state };
  const seen = { ...state, seen: [...state.seen, id].slice(-SEEN_MAX) };
  // Nobody else has our exchange keys: who sends one back to us is reflecting.
  const ours = [keys.publicKey, ...state.pending.map((pending) => pending.publicKey)];
  if (ours.includes(publicKey)) return { outcome: 'invalid', state: seen };

  // Of two requests that cross, that of the smaller code stands: the larger one's is forgotten by both.
  const crossing = state.pending.some((pending) => nowMs - pending.atMs < PENDING_TTL_MS);
  if (crossing && peers.own.code < peers.peer.code) return { outcome: 'crossed', state: seen };

  const derived = sessionKeys({
    initiator: { ...peers.peer, exchangeKey: publicKey },
    responder: { ...peers.own, exchangeKey: keys.publicKey },
    own: { role: 'responder', secretKey: keys.secretKey },
  });
  if (derived === null) return { outcome: 'invalid', state: seen };
  const about = { id, role: 'responder', proven: false, lasting: keys.lasting, atMs: nowMs } as const;
  return { outcome: 'answer', ...addSession({ ...seen, pending: [] }, { ...about, ...derived }) };
}

export type OnAcknowledgement =
  /** A new session: say something under it, so that the other side may use it too. */
  | { readonly outcome: 'agreed'; readonly state: ExchangeState; readonly session: Session }
  /** To no request that is pending, or with a key that gives no secret. */
  | { readonly outcome: 'ignored' | 'invalid'; readonly state: ExchangeState };

/** The other side answers our request `inReplyTo`. */
export function onAcknowledgement(
  state: ExchangeState,
  answer: {
    readonly inReplyTo: string;
    readonly publicKey: string;
    readonly peers: Peers;
    readonly nowMs: number;
  },
): OnAcknowledgement {
  const { inReplyTo, publicKey, peers, nowMs } = answer;
  const index = state.pending.findIndex((pending) => pending.id === inReplyTo);
  const pending = state.pending[index];
  if (pending === undefined) return { outcome: 'ignored', state };
  if (publicKey === pending.publicKey) return { outcome: 'invalid', state };
  const derived = sessionKeys({
    initiator: { ...peers.own, exchangeKey: pending.publicKey },
    responder: { ...peers.peer, exchangeKey: publicKey },
    own: { role: 'initiator', secretKey: pending.secretKey },
  });
  if (derived === null) return { outcome: 'invalid', state };
  // Answers come in the order of the requests, so older ones will not be answered any more.
  const rest = { ...state, pending: state.pending.slice(index + 1) };
  const { id, lasting } = pending;
  const about = { id, role: 'initiator', proven: true, lasting, atMs: nowMs } as const;
  return { outcome: 'agreed', ...addSession(rest, { ...about, ...derived }) };
}
