import { ClientError, type Conversation } from '../../client/index.ts';
import type { Person } from '../kept/people.ts';

/**
 * - `none`: the first key that the relay named, not compared
 * - `verified`: the safety number was compared
 * - `changed`: the relay names another key, or the key is not the one that was compared
 */
export type TrustState = 'none' | 'verified' | 'changed';

/** 12 groups of 5 digits, of the new key if there is one; null before any key is known. */
export function numberOf(conversation: Conversation): readonly string[] | null {
  try {
    return conversation.safetyNumber(conversation.keyChanged ? 'offered' : 'pinned');
  } catch (error) {
    if (error instanceof ClientError) return null;
    throw error;
  }
}

export function trustOf(conversation: Conversation | undefined, person: Person | undefined): TrustState {
  if (conversation?.keyChanged) return 'changed';
  const identityKey = conversation?.identityKey ?? null;
  // Also after a move to another browser, whose first look-up a relay could answer with another key.
  if (identityKey !== null && person?.key !== undefined && person.key !== identityKey) return 'changed';
  if (person?.verified === undefined) return 'none';
  if (conversation === undefined) return 'verified';
  const number = numberOf(conversation)?.join(' ');
  return number === undefined || number === person.verified ? 'verified' : 'changed';
}
