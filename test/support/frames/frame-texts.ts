import { type ClientFrame, decodeFrame } from '../../../src/protocol/frames/frame.ts';

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

/** The data of an envelope from Alice to Bob. */
export function message(inner: string): string {
  return `{"sender":"${ALICE}","recipient":"${BOB}","message":${inner}}`;
}

/** A sound one. */
export const DATA = message('{"type":"x"}');

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
