/** The texts that users sign, by docs/protocol.md. Shared with sign.ts: what it signs is what the scripts send. */

export interface Envelope {
  readonly sender: string;
  readonly recipient: string;
  readonly id: string;
  readonly payloadBytes: number;
}

export function envelopeText({ sender, recipient, id, payloadBytes }: Envelope): string {
  const message = `{"type":"message","payload":"${'A'.repeat(payloadBytes)}"}`;
  return `{"sender":"${sender}","recipient":"${recipient}","id":"${id}","message":${message}}`;
}

/** @param challenge of protocol 2 as JSON text; null by protocol 1 */
export function connectText(sender: string, challenge: string | null): string {
  const payload = challenge === null ? '' : `,"payload":${challenge}`;
  return `{"sender":"${sender}","message":{"type":"connect"${payload}}}`;
}

export function frame(data: string, signature: string): string {
  return `{"data":${data},"signature":"${signature}"}`;
}

export interface SignedUser {
  readonly code: string;
  /** Signature of its `connect` by protocol 1. */
  readonly connect: string;
  /** Ed25519, 64 hex digits: a test user's, to answer the challenge of protocol 2. */
  readonly privateKey: string;
}

/** A user who writes, one who reads, and the signatures of all envelopes that the one may send to the other. */
export interface SignedPair {
  readonly writer: SignedUser;
  readonly reader: SignedUser;
  /** One after the other, 128 hex digits each; the n-th is of the envelope with the id `n`. */
  readonly signatures: string;
  readonly payloadBytes: number;
}
