import { exchangeKeyProblem } from '../exchange-key.ts';
import { JsonScanner } from '../json/scanner.ts';
import { Refused } from '../json/tokens.ts';
import { CONNECT, KEY_EXCHANGE_TYPES, RELAY_TYPES, SERVER } from '../message-types.ts';
import { memberAt, PLACE } from './frame-members.ts';
import { FrameShape } from './frame-shape.ts';

/** What a client's text frame is. All offsets count bytes of the frame; `dataEnd` is exclusive. */
export type ClientFrame =
  | {
      readonly kind: 'connect';
      readonly sender: string;
      readonly dataStart: number;
      readonly dataEnd: number;
      /** 128 lower-case hex digits. */
      readonly signature: string;
      /** What the client answers the challenge with; null by protocol 1. */
      readonly challenge: { readonly nonce: string; readonly audience: string | null } | null;
    }
  /** Protocol 2 only. `seq` is unchecked. */
  | { readonly kind: 'ack'; readonly seq: string }
  | { readonly kind: 'skip'; readonly seq: string }
  | {
      readonly kind: 'envelope';
      readonly sender: string;
      readonly recipient: string;
      readonly id: string | null;
      readonly type: string;
      readonly dataStart: number;
      readonly dataEnd: number;
      readonly signature: string;
    }
  /** Protocol 2 only: an envelope to the relay itself. */
  | {
      readonly kind: 'command';
      readonly sender: string;
      /** Always there: the answer names it. */
      readonly id: string;
      /** The type of the message: what is to be done. */
      readonly verb: string;
      /** Any JSON value; both 0 if the message has none. */
      readonly payloadStart: number;
      readonly payloadEnd: number;
      readonly dataStart: number;
      readonly dataEnd: number;
      readonly signature: string;
    }
  | {
      readonly kind: 'malformed';
      /** Quotes nothing of the frame. */
      readonly reason: string;
      readonly offset: number;
      /** The envelope's id, if it could be read, for the answer. */
      readonly id: string | null;
    };

const scanner = new JsonScanner();
const shape = new FrameShape();

/**
 * Reads one text frame of a client in one pass over its bytes, by the rules of docs/protocol.md. Never throws, keeps
 * nothing of `bytes`. Does not check the rights of the sender, or the signature.
 */
export function decodeFrame(bytes: Uint8Array, protocol: 1 | 2): ClientFrame {
  shape.begin(bytes, protocol);
  try {
    const refused = scanner.scan(bytes, shape, PLACE.frame);
    return refused === null ? readShape(protocol) : malformed(refused);
  } catch (error) {
    if (error instanceof Refused) return malformed(error);
    throw error;
  } finally {
    shape.finish();
  }
}

function malformed({ reason, offset }: Refused): ClientFrame {
  return { kind: 'malformed', reason, offset, id: shape.textAt(PLACE.id) };
}

function readShape(protocol: 1 | 2): ClientFrame {
  if (shape.has(PLACE.ack)) return readReceipt('ack');
  if (shape.has(PLACE.skip)) return readReceipt('skip');
  requireMember(PLACE.frame, PLACE.data);
  const signature = requireText(PLACE.frame, PLACE.signature).toLowerCase();
  const sender = requireText(PLACE.data, PLACE.sender);
  requireMember(PLACE.data, PLACE.message);
  const type = requireText(PLACE.message, PLACE.type);
  const dataStart = shape.startAt(PLACE.data);
  const dataEnd = shape.endAt(PLACE.data);

  if (type === CONNECT) {
    const challenge = protocol === 1 ? readConnect1() : readConnect2();
    return { kind: 'connect', sender, dataStart, dataEnd, signature, challenge };
  }
  if (RELAY_TYPES.some((ours) => ours === type)) {
    throw new Refused(shape.startAt(PLACE.type), `only the relay sends ${RELAY_TYPES.join(', ')}`);
  }
  const recipient = requireText(PLACE.data, PLACE.recipient);
  if (recipient === SERVER) {
    const id = requireText(PLACE.data, PLACE.id);
    const [payloadStart, payloadEnd] = shape.has(PLACE.payload)
      ? [shape.startAt(PLACE.payload), shape.endAt(PLACE.payload)]
      : [0, 0];
    return {
      kind: 'command',
      sender,
      id,
      verb: type,
      payloadStart,
      payloadEnd,
      dataStart,
      dataEnd,
      signature,
    };
  }
  if (KEY_EXCHANGE_TYPES.some((ours) => ours === type)) checkKeyExchange();
  return {
    kind: 'envelope',
    sender,
    recipient,
    id: shape.textAt(PLACE.id),
    type,
    dataStart,
    dataEnd,
    signature,
  };
}

function readReceipt(kind: 'ack' | 'skip'): ClientFrame {
  if (shape.countAt(PLACE.frame) !== 1) {
    const reason = kind === 'ack' ? 'an ack stands alone in its frame: {"ack":"<seq>"}' : SKIP_ALONE;
    throw new Refused(shape.startAt(PLACE.frame), reason);
  }
  return { kind, seq: shape.readString(PLACE[kind]) ?? '' };
}

const SKIP_ALONE = 'a skip stands alone in its frame: {"skip":"<seq>"}';

/** Exactly these members, so that a connect of protocol 2 cannot be replayed as one of protocol 1. */
function readConnect1(): null {
  requireCount(PLACE.frame, 2, 'a connect frame has exactly data and signature');
  requireCount(PLACE.data, 2, 'the data of a connect has exactly sender and message');
  requireCount(PLACE.message, 1, 'the message of a connect has exactly type (a payload is for protocol 2)');
  return null;
}

function readConnect2(): { nonce: string; audience: string | null } {
  requireCount(PLACE.frame, 2, 'a connect frame has exactly data and signature');
  requireCount(PLACE.data, 2, 'the data of a connect has exactly sender and message');
  requireMember(PLACE.message, PLACE.payload);
  requireCount(PLACE.message, 2, 'the message of a connect has exactly type and payload');
  if (shape.kindAt(PLACE.payload) !== 'object' || shape.countAt(PLACE.payload) !== 2) {
    throw new Refused(
      shape.startAt(PLACE.payload),
      'the payload of a connect has exactly nonce and audience',
    );
  }
  requireMember(PLACE.payload, PLACE.nonce);
  requireMember(PLACE.payload, PLACE.audience);
  const nonce = shape.readString(PLACE.nonce);
  if (nonce === null) throw new Refused(shape.startAt(PLACE.nonce), 'nonce must be a string');
  const audience = shape.readString(PLACE.audience);
  if (audience === null && shape.kindAt(PLACE.audience) !== 'null') {
    throw new Refused(shape.startAt(PLACE.audience), 'audience must be a string or null');
  }
  return { nonce, audience };
}

function checkKeyExchange(): void {
  shape.refusePayloadLookalikes();
  requireMember(PLACE.message, PLACE.payload);
  if (shape.kindAt(PLACE.payload) !== 'object') {
    throw new Refused(shape.startAt(PLACE.payload), 'the payload of a key exchange must be an object');
  }
  requireMember(PLACE.payload, PLACE.exchangeKey);
  const key = shape.readString(PLACE.exchangeKey);
  const problem = key === null ? 'must be a string' : exchangeKeyProblem(key);
  if (problem !== null) throw new Refused(shape.startAt(PLACE.exchangeKey), `ecdh_public_key ${problem}`);
}

function requireCount(place: number, count: number, reason: string): void {
  if (shape.countAt(place) !== count) throw new Refused(shape.startAt(place), reason);
}

function requireMember(parent: number, place: number): void {
  if (shape.has(place)) return;
  const where = parent === PLACE.frame ? 'the frame' : (memberAt(parent)?.name ?? '');
  throw new Refused(shape.startAt(parent), `${memberAt(place)?.name} is missing in ${where}`);
}

function requireText(parent: number, place: number): string {
  requireMember(parent, place);
  return shape.textAt(place) ?? '';
}
