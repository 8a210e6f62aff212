import { type DeliverOutcome, EngineUnavailable, type SessionState, type Unconfirmed } from '../../engine.ts';
import type { Policy } from '../../verbs/people.ts';
import { type Reply, textOf } from '../connection/reply.ts';

/** What lua/deliver.lua answers for each envelope. */
export const OUTCOMES: Readonly<Record<string, DeliverOutcome>> = {
  s: 'stored',
  r: 'repeated',
  u: 'recipient_unknown',
  c: 'id_conflict',
  f: 'mailbox_full',
  h: 'share_full',
  x: 'stale',
  d: 'unheard',
};

/**
 * The store has gone back to before the session's claim, so no newer login has displaced it. Reported as displaced, a
 * failover would send clients away for good.
 */
export const SESSION_FORGOTTEN = 'forgotten';

export const STATES: Readonly<Record<string, SessionState>> = {
  held: 'held',
  displaced: 'displaced',
  gone: 'gone',
  ended: 'ended',
  banned: 'banned',
  unknown: 'unknown_user',
};

/** See lua/people/guard.lua. */
export function policyOf(guard: string): Policy {
  return guard.includes('k') ? 'known' : 'anyone';
}

/** The word that a reply is, or begins with. */
export function wordOf(reply: Reply): string {
  const [first] = Array.isArray(reply) ? (reply as readonly Reply[]) : [reply];
  return textOf(first) ?? '';
}

/** As scripts keep it: `-` leaves what is noted, empty forgets it. */
export function writeUnconfirmed(unconfirmed: Unconfirmed | null | undefined): string {
  if (unconfirmed === undefined) return '-';
  if (unconfirmed === null) return '';
  const { id, tries, tooBig, timeouts } = unconfirmed;
  return `${id} ${tries} ${tooBig} ${timeouts}`;
}

export function readUnconfirmed(text: string): Unconfirmed | null {
  const [id = '', tries, tooBig, timeouts] = text.split(' ');
  if (id === '') return null;
  return { id, tries: Number(tries), tooBig: Number(tooBig), timeouts: Number(timeouts) };
}

/** @throws EngineUnavailable if a script answered something else */
export function stateOf(reply: Reply): SessionState {
  const answer = textOf(reply) ?? 'nothing';
  const known = STATES[answer];
  if (known === undefined) throw new EngineUnavailable(`a script answered ${answer}`);
  return known;
}
