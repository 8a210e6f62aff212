import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { ReceivingChain, SendingChain } from './chains.ts';

/** The keys that one exchange has given. */
export interface Session {
  /** Names the exchange in messages: 64 hex digits. */
  readonly id: string;
  readonly version: 1 | 2;
  readonly role: 'initiator' | 'responder';
  /** With `smallerAsked`, ranks the sessions of two people alike on both sides. */
  readonly generation: number;
  /** The request was that of the person with the smaller code. */
  readonly smallerAsked: boolean;
  readonly send: SendingChain;
  readonly receive: ReceivingChain;
  /** The other side is known to have the keys: only then they are sent under. */
  readonly proven: boolean;
  /** ML-KEM took part. */
  readonly hybrid: boolean;
  /** Our half is the registered pair, so the same keys may come again. Version 1 only. */
  readonly static: boolean;
  readonly atMs: number;
  /** Messages that were sealed for this peer before the first of this session; absent before that. */
  readonly sealedBefore?: number;
}

/** The keys that two people have agreed on, as JSON: what of the state of an exchange (`exchange.ts`) lasts. */
export interface Sessions {
  /** At most `SESSIONS_MAX`, in the order of agreement. */
  readonly sessions: readonly Session[];
  /** Ids of sessions that were dropped, oldest first, at most `RETIRED_MAX`: a late message under them says nothing new. */
  readonly retired: readonly string[];
  /** Counters of dropped static sessions, by digest of their key: oldest first, at most `SPENT_MAX`. */
  readonly spent: readonly Spent[];
}

interface Spent {
  /** Not the key itself: a thief of the stored state must not read what was sent before. */
  readonly keyDigest: string;
  readonly sent: number;
  readonly received: number;
}

/** Requests of ours that may wait for their answer: each may yet give a session. */
export const PENDING_MAX = 8;
/** One for each of those, one to fall back on, one in the making. */
const SESSIONS_MAX = PENDING_MAX + 2;
const RETIRED_MAX = 32;
const SPENT_MAX = 8;
/** Requests of version 1 that were answered within so long may have crossed. */
const CROSSING_MS = 3_600_000;

/** The session to send under: the highest that the other side is known to have. Undefined: keys must be exchanged first. */
export function sendingSession({ sessions }: Sessions): Session | undefined {
  return highest(sessions.filter((session) => session.proven));
}

/** The highest of all, also one that the other side may not have. */
export function newestSession({ sessions }: Sessions): Session | undefined {
  return highest(sessions);
}

/** What the generation of a new exchange must exceed. */
export function newestGeneration({ sessions }: Sessions): number {
  return Math.max(0, ...sessions.map(({ generation }) => generation));
}

export function isKnown(state: Sessions, id: string): boolean {
  return state.retired.includes(id) || state.sessions.some((session) => session.id === id);
}

/**
 * The other side has shown that it lacks our keys: one of the two has lost its state. The sessions stay for opening, but
 * nothing is sent under one until a message opens under it.
 */
export function distrust<State extends Sessions>(state: State): State {
  const sessions = state.sessions.map((session) => ({ ...session, proven: false }));
  return { ...state, sessions };
}

/** A message was sealed or opened: the session's counters have moved. */
export function updateSession<State extends Sessions>(state: State, updated: Session): State {
  const sessions = state.sessions.map((session) => {
    if (session.id === updated.id) return updated;
    // Only registered pairs give one key twice: then its counters are counted together.
    if (!session.static || session.send.key !== updated.send.key) return session;
    return { ...session, send: updated.send, receive: updated.receive };
  });
  return { ...state, sessions };
}

/**
 * A message of the other opened under this session, so it has the keys. It sends under the highest session that it can,
 * and what it can only grows: the lower ones are done, for both directions.
 */
export function proveSession<State extends Sessions>(state: State, id: string): State {
  const opened = state.sessions.find((session) => session.id === id);
  if (opened === undefined) return state;
  const sessions = state.sessions.map((session) =>
    session.id === id ? { ...session, proven: true } : session,
  );
  const done = sessions.filter((session) => isHigher(opened, session) && !mayDiffer(opened, session));
  return drop({ ...state, sessions }, done);
}

/** Keys were agreed. Static ones may have been used before: their counters go on instead of restarting. */
export function addSession<State extends Sessions>(state: State, made: Session): State {
  const keyDigest = digestOf(made.send.key);
  const before = [
    ...state.spent.filter((spent) => spent.keyDigest === keyDigest),
    ...state.sessions
      .filter(({ send }) => send.key === made.send.key)
      .map(({ send, receive }) => ({ sent: send.next, received: receive.next })),
  ];
  const session: Session = {
    ...made,
    send: { ...made.send, next: Math.max(0, ...before.map(({ sent }) => sent)) },
    receive: { ...made.receive, next: Math.max(0, ...before.map(({ received }) => received)) },
  };
  const inUse = sendingSession(state);
  const surplus = Math.max(0, state.sessions.length + 1 - SESSIONS_MAX);
  // Unproven ones answer the other's requests: a flood of them pushes out each other, not the one in use.
  const out = state.sessions.filter((other) => other !== inUse).slice(0, surplus);
  const added = { ...state, sessions: [...state.sessions, session] };
  return drop(added, out);
}

function highest(sessions: readonly Session[]): Session | undefined {
  const [first, ...others] = sessions;
  return others.reduce<Session | undefined>(
    (best, session) => (best && isHigher(best, session) ? best : session),
    first,
  );
}

/** The same on both sides, whatever the order in which they learnt of the two. */
function isHigher(one: Session, other: Session): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  // Requests that crossed: that of the smaller code stands.
  if (one.smallerAsked !== other.smallerAsked) return one.smallerAsked;
  return one.id > other.id;
}

/**
 * Sessions of version 1 have no generation but the order in which a side learnt of them. Of requests that crossed, the other
 * side may have another order, and go on to the lower one.
 */
function mayDiffer(one: Session, other: Session): boolean {
  return one.version === 1 && other.version === 1 && one.atMs - other.atMs < CROSSING_MS;
}

function drop<State extends Sessions>(state: State, out: readonly Session[]): State {
  const spent = out
    .filter((session) => session.static)
    .map(({ send, receive }) => ({ keyDigest: digestOf(send.key), sent: send.next, received: receive.next }));
  const ids = out.map(({ id }) => id);
  return {
    ...state,
    sessions: state.sessions.filter((session) => !ids.includes(session.id)),
    retired: [...state.retired, ...ids].slice(-RETIRED_MAX),
    spent: [...state.spent, ...spent].slice(-SPENT_MAX),
  };
}

function digestOf(key: string): string {
  return bytesToHex(sha256(hexToBytes(key)));
}
