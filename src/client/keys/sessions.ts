import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

/** One agreed pair of keys. Hex throughout. */
export interface Session {
  readonly id: string;
  readonly role: 'initiator' | 'responder';
  readonly sendKey: string;
  readonly receiveKey: string;
  /** Counter of the next message to send. Never goes back, and never restarts under one key. */
  readonly sent: number;
  /** Least counter that the next message to open may have. Never goes back. */
  readonly received: number;
  /** The other side is known to have the key. */
  readonly proven: boolean;
  /** Our half is the registered pair, so the same keys may come again. */
  readonly lasting: boolean;
  readonly atMs: number;
}

/** The keys that two people have agreed on, as JSON: what of the state of an exchange (`exchange.ts`) lasts. */
export interface Sessions {
  /** Oldest first, at most `SESSIONS_MAX`. */
  readonly sessions: readonly Session[];
  /** The other side has shown that it lacks our keys: nothing is sent under them until new ones are agreed. */
  readonly halted: boolean;
  /** Counters of dropped lasting sessions, by digest of their key: oldest first, at most `SPENT_MAX`. */
  readonly spent: readonly Spent[];
}

interface Spent {
  /** Not the key itself: who gets hold of the state later must not read what was sent before. */
  readonly keyDigest: string;
  readonly sent: number;
  readonly received: number;
}

/** Requests of ours that may wait for their answer: each may yet give a session. */
export const PENDING_MAX = 8;
/** One for each of those, one to fall back on, one in the making. */
const SESSIONS_MAX = PENDING_MAX + 2;
const SPENT_MAX = 8;

/** The session to send under, or undefined if keys have to be exchanged first. */
export function sendingSession({ halted, sessions }: Sessions): Session | undefined {
  if (halted) return undefined;
  return sessions.findLast((session) => session.proven) ?? sessions.at(-1);
}

/**
 * A message came under an exchange that we do not have: one of the two has lost its state. The sessions stay for
 * opening, but none counts as proven, or the old would be preferred to what is agreed next.
 */
export function halt<State extends Sessions>(state: State): State {
  const sessions = state.sessions.map((session) => ({ ...session, proven: false }));
  return { ...state, halted: true, sessions };
}

/** The counter that the next message under this session has is used up: store before sending. */
export function onSealed<State extends Sessions>(state: State, id: string): State {
  return count(state, id, (session) => ({ sent: session.sent + 1 }));
}

/** A message with this counter opened: the session is proven, older sessions are done. */
export function onOpened<State extends Sessions>(state: State, id: string, counter: number): State {
  const index = state.sessions.findIndex((session) => session.id === id);
  if (index < 0) return state;
  const counted = count(state, id, () => ({ received: counter + 1 }));
  const sessions = counted.sessions.map((session) =>
    session.id === id ? { ...session, proven: true } : session,
  );
  return drop({ ...counted, sessions, halted: false }, sessions.slice(0, index));
}

/** Keys were agreed. Lasting ones may have been used before: their counters go on instead of restarting. */
export function addSession<State extends Sessions>(
  state: State,
  made: Omit<Session, 'sent' | 'received'>,
): { readonly state: State; readonly session: Session } {
  const keyDigest = digestOf(made.sendKey);
  const before = [
    ...state.spent.filter((spent) => spent.keyDigest === keyDigest),
    ...state.sessions.filter(({ sendKey }) => sendKey === made.sendKey),
  ];
  const session: Session = {
    ...made,
    sent: Math.max(0, ...before.map(({ sent }) => sent)),
    received: Math.max(0, ...before.map(({ received }) => received)),
  };
  const inUse = sendingSession(state);
  const surplus = Math.max(0, state.sessions.length + 1 - SESSIONS_MAX);
  // Unproven ones are the other's requests: a flood of them pushes out each other, not the one in use.
  const out = state.sessions.filter((other) => other !== inUse).slice(0, surplus);
  const added = { ...state, sessions: [...state.sessions, session], halted: false };
  return { state: drop(added, out), session };
}

function drop<State extends Sessions>(state: State, out: readonly Session[]): State {
  const lasting = out.filter((session) => session.lasting);
  const spent = lasting.map(({ sendKey, sent, received }) => ({
    keyDigest: digestOf(sendKey),
    sent,
    received,
  }));
  return {
    ...state,
    sessions: state.sessions.filter((session) => !out.includes(session)),
    spent: [...state.spent, ...spent].slice(-SPENT_MAX),
  };
}

/** Sessions of one key, which only registered pairs can give, count together. */
function count<State extends Sessions>(
  state: State,
  id: string,
  how: (session: Session) => { sent: number } | { received: number },
): State {
  const counted = state.sessions.find((session) => session.id === id);
  if (counted === undefined) return state;
  const counters = how(counted);
  const sessions = state.sessions.map((session) =>
    session.sendKey === counted.sendKey ? { ...session, ...counters } : session,
  );
  return { ...state, sessions };
}

function digestOf(key: string): string {
  return bytesToHex(sha256(hexToBytes(key)));
}
