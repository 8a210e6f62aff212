import { type ClientFrame, decodeFrame } from '../../../src/protocol/frames/frame.ts';
import { objectText } from '../plain/frames.ts';

/** Frames by hand, as text: what the decoder's tests are made of. */
export const ALICE = 'A11CE00';
export const BOB = 'B0B0000';
export const SIGNATURE = '0123456789abcdef'.repeat(8);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function decode(text: string, protocol: 1 | 2 = 1): ClientFrame {
  return decodeFrame(encoder.encode(text), protocol);
}

export function frame(data: string): string {
  return `{"data":${data},"signature":"${SIGNATURE}"}`;
}

/** The data of an envelope from Alice to Bob with other members, as JSON texts; null leaves one out. */
export function dataWith(members: Readonly<Record<string, string | null>>): string {
  const own = { sender: `"${ALICE}"`, recipient: `"${BOB}"`, id: null, message: '{"type":"x"}' };
  return objectText({ ...own, ...members });
}

export const message = (inner: string): string => dataWith({ message: inner });

/** A sound one. */
export const DATA = dataWith({});

export const KEY = 'c0ffee'.repeat(10).padEnd(64, '0');
/** A member with a usable key. */
export const EXCHANGE_KEY = `"ecdh_public_key":"${KEY}"`;
/** The frame of a key exchange. */
export const exchange = (payload: string): string =>
  frame(message(`{"type":"key_exchange","payload":${payload}}`));

/** Why a frame is refused, and what stands where the refusal points. */
export function refusal(
  text: string,
  protocol: 1 | 2 = 1,
): { reason: string; at: string; id: string | null } {
  const decoded = decode(text, protocol);
  if (decoded.kind !== 'malformed') throw new Error(`accepted as ${decoded.kind}: ${text}`);
  const { reason, offset, id } = decoded;
  return { reason, at: decoder.decode(encoder.encode(text).subarray(offset)).slice(0, 12), id };
}
