import { createHmac } from 'node:crypto';
import { type CpaceInputs, cpaceKey, cpaceShare } from '../../../crypto/cpace.ts';

const LABEL = 'keyrelay/by-code/1';
const NOTHING = new Uint8Array();

/** One side's half of a run. Hex throughout, as it is stored and sent. */
export interface Half {
  /** Secret. */
  readonly scalar: string;
  readonly role: 'sender' | 'recipient';
}

/**
 * What both must agree on. The safety number stands for both identities: a relay in the middle, which would have named other
 * keys, gets another one, and so no proof.
 */
export interface Agreed {
  readonly words: readonly string[];
  readonly safetyNumber: readonly string[];
}

/** What this side sends first. */
export function shareOf({ scalar }: Half, agreed: Agreed): string {
  return hex(cpaceShare(bytes(scalar), inputsOf(agreed)));
}

/** What each side says to prove that it knows the words. Null if the other's share is no valid one. */
export function proofsOf(half: Half, theirs: string, agreed: Agreed): Record<Half['role'], string> | null {
  const [own, other] = [shareOf(half, agreed), theirs].map((share) => ({
    share: bytes(share),
    data: NOTHING,
  }));
  if (own === undefined || other === undefined) return null;
  const initiates = half.role === 'recipient';
  const key = cpaceKey({
    scalar: bytes(half.scalar),
    sessionId: NOTHING,
    initiator: initiates ? own : other,
    responder: initiates ? other : own,
    own: initiates ? 'initiator' : 'responder',
  });
  if (key === null) return null;
  const proof = (role: string) => createHmac('sha256', key).update(`${LABEL} ${role}`).digest('hex');
  return { sender: proof('sender'), recipient: proof('recipient') };
}

function inputsOf({ words, safetyNumber }: Agreed): CpaceInputs {
  const text = new TextEncoder();
  return {
    secret: text.encode(words.join(' ')),
    channel: text.encode(`${LABEL} ${safetyNumber.join(' ')}`),
    sessionId: NOTHING,
  };
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}
