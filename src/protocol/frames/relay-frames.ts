import type { FrameErrorCode } from '../errors.ts';
import { CONNECT, type RelayType, SERVER } from '../message-types.ts';

/** Payload of a `connect_ack` of protocol 2: the state of the mailbox and the limits of the relay. */
export interface ConnectAckPayload {
  /** Waiting envelopes, which are sent next. */
  readonly queued: number;
  /** Envelopes that ran out since the last login. */
  readonly expired: number;
  /** RFC 3339, UTC. */
  readonly server_time: string;
  /** All public URLs of this relay; absent unless it has several. */
  readonly audiences?: readonly string[];
  /** The client's own batch of prekeys. */
  readonly prekeys: {
    /** 0: it has published none. */
    readonly generation: number;
    /** Keys of it that were given to no claim. */
    readonly left: number;
    /** To be named in the next batch. */
    readonly store: string;
  };
  readonly limits: {
    /** Of a frame that the client sends. */
    readonly max_frame_bytes: number;
    /** Of a frame that the client is sent: what it must be able to read. */
    readonly max_delivered_bytes: number;
    readonly mailbox_envelopes: number;
    readonly mailbox_bytes: number;
    readonly mailbox_ttl_s: number;
    readonly window_envelopes: number;
    readonly window_bytes: number;
    readonly envelopes_per_s: number;
    readonly bytes_per_s: number;
  };
}

export interface ErrorFrame {
  /** Null before login. */
  readonly recipient: string | null;
  readonly code: FrameErrorCode;
  /** For people: what is wrong and what would be right. */
  readonly detail: string;
  /** The number of the client's text frame on this socket, from 1. */
  readonly frame: number;
  readonly id?: string | null;
  readonly retryAfterMs?: number;
}

/** The relay's own frames are unsigned: their sender is `server`, and only TLS authenticates them. */
function serverFrame(recipient: string | null, type: RelayType, payload?: object): string {
  const message = payload === undefined ? { type } : { type, payload };
  const data = recipient === null ? { sender: SERVER, message } : { sender: SERVER, recipient, message };
  return JSON.stringify({ data });
}

/** The first frame after a successful connect; a payload is for protocol 2. */
export function connectAck(recipient: string, payload: ConnectAckPayload | null): string {
  return serverFrame(recipient, 'connect_ack', payload ?? undefined);
}

/** Protocol 2: the first frame on a socket. `nonce` is 64 hex digits. */
export function challenge(nonce: string, audience: string | null): string {
  return serverFrame(null, 'challenge', { nonce, audience });
}

/**
 * The envelope `id` is stored, or the command is carried out, with its result. `recipient` of this frame is the sender of
 * the envelope.
 */
export function accepted(recipient: string, id: string, result?: object): string {
  return serverFrame(recipient, 'accepted', result === undefined ? { id } : { id, result });
}

export function errorFrame({ recipient, code, detail, frame, id, retryAfterMs }: ErrorFrame): string {
  return serverFrame(recipient, 'error', {
    code,
    detail,
    frame,
    ...(id === undefined || id === null ? {} : { id }),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  });
}

/** Protocol 2: everything that was stored before the login has been sent. */
export function drained(recipient: string): string {
  return serverFrame(recipient, 'drained');
}

/** What a client signs and sends, with members in this order; only a connect has no recipient. */
export interface EnvelopeData {
  readonly sender: string;
  readonly recipient: string;
  readonly id?: string;
  readonly message: { readonly type: string; readonly payload?: unknown };
}

/** The text that is signed, and then put into the frame unchanged. */
export function signedText({ sender, recipient, id, message }: EnvelopeData): string {
  const { type, payload } = message;
  return JSON.stringify({
    sender,
    recipient,
    ...(id === undefined ? {} : { id }),
    message: payload === undefined ? { type } : { type, payload },
  });
}

/** The text of a connect: by protocol 2 with the answer to the challenge. */
export function connectText(
  sender: string,
  answer: { readonly nonce: string; readonly audience: string | null } | null,
): string {
  const payload = answer === null ? {} : { payload: { nonce: answer.nonce, audience: answer.audience } };
  return JSON.stringify({ sender, message: { type: CONNECT, ...payload } });
}

/** A frame, by concatenation: encoding the text again could change the bytes that were signed. */
export function frame(data: string, signatureHex: string): string {
  return `{"data":${data},"signature":"${signatureHex}"}`;
}

/** Protocol 2: this envelope cannot be taken. */
export function skip(seq: string): string {
  return JSON.stringify({ skip: seq });
}

/** Protocol 2: confirms everything up to this envelope, in the order of delivery on this socket. */
export function ack(seq: string): string {
  return JSON.stringify({ ack: seq });
}
