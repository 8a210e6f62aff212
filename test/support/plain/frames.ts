import { type Keys, signHex } from './users.ts';

/** Frames as text, put together and taken apart by hand as docs/protocol.md prints them. */

export interface EnvelopeText {
  readonly sender: string;
  readonly recipient: string;
  readonly id?: string;
  readonly type?: string;
  readonly payload?: unknown;
}

/** The text of an object whose members are JSON texts; null leaves one out. */
export function objectText(members: Readonly<Record<string, string | null>>): string {
  const written = Object.entries(members).filter(([, json]) => json !== null);
  return `{${written.map(([name, json]) => `"${name}":${json}`).join()}}`;
}

/** The text that is signed. */
export function envelopeText({ sender, recipient, id, type = 'message', payload }: EnvelopeText): string {
  const head = `"sender":"${sender}","recipient":"${recipient}"${id === undefined ? '' : `,"id":"${id}"`}`;
  const rest = payload === undefined ? '' : `,"payload":${JSON.stringify(payload)}`;
  return `{${head},"message":{"type":"${type}"${rest}}}`;
}

export interface Challenge {
  readonly nonce: string;
  readonly audience: string | null;
}

/** @param challenge protocol 2: what the relay asked */
export function connectText(sender: string, challenge?: Challenge): string {
  if (challenge === undefined) return `{"sender":"${sender}","message":{"type":"connect"}}`;
  const payload = `{"nonce":"${challenge.nonce}","audience":${JSON.stringify(challenge.audience)}}`;
  return `{"sender":"${sender}","message":{"type":"connect","payload":${payload}}}`;
}

export const frameText = (data: string, signature: string) => `{"data":${data},"signature":"${signature}"}`;

/** The frame of `data`, the very text that is signed. */
export function frameOf(keys: Pick<Keys, 'eddsaPrivateKey'>, data: string): string {
  return frameText(data, signHex(keys, data));
}

/** A whole frame with an envelope from this user. */
export function envelopeFrame(
  sender: Pick<Keys, 'eddsaPrivateKey'> & { readonly code: string },
  envelope: Omit<EnvelopeText, 'sender'>,
): string {
  return frameOf(sender, envelopeText({ sender: sender.code, ...envelope }));
}

const SERVER_PREFIX = '{"data":{"sender":"server"';

/** What the relay itself says: `connect_ack`, `challenge`, `accepted`, `error`, `drained`. */
export interface ServerMessage {
  readonly type: string;
  /** Absent before the login. */
  readonly recipient?: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Null if this is an envelope of a peer. */
export function readServerMessage(frame: string): ServerMessage | null {
  if (!frame.startsWith(SERVER_PREFIX)) return null;
  const { data } = JSON.parse(frame) as {
    data: { recipient?: string; message: { type: string; payload?: Record<string, unknown> } };
  };
  const { recipient, message } = data;
  return {
    type: message.type,
    payload: message.payload ?? {},
    ...(recipient === undefined ? {} : { recipient }),
  };
}

const SEQ = /,"seq":"([^"]*)"(?:,"tries":(\d+))?\}$/;

/** Protocol 2: the `seq` of a delivered frame, which try it is, and the frame as its sender signed it. */
export function cutSeq(frame: string): {
  readonly seq: string | null;
  readonly tries: number;
  readonly signed: string;
} {
  const found = SEQ.exec(frame);
  if (found === null) return { seq: null, tries: 1, signed: frame };
  return { seq: found[1] ?? '', tries: Number(found[2] ?? 1), signed: `${frame.slice(0, found.index)}}` };
}

/** Protocol 2: confirms the envelope with this `seq` and those before it. */
export function ackFrame(seq: string): string {
  return `{"ack":"${seq}"}`;
}

/** The only reason of a close that machines read; null for any other. */
export function retryInMs(reason: string): number | null {
  const match = /^retry in (\d+) ms$/.exec(reason);
  return match === null ? null : Number(match[1]);
}
