import { utf8ToBytes } from '@noble/hashes/utils.js';
import { parseUnambiguous } from '../../protocol/json/unambiguous.ts';
import type { Json } from './json.ts';
import { type MessageExtras, readExtras, writeExtras } from './message-extras.ts';

/**
 * Where a message stands among all that its sender has sent to this recipient, whatever keys it went under: so that the
 * recipient hands messages over once and in order although some are sent again.
 */
export interface Place {
  /** Names the sender's count, 32 hex digits: a sender that has lost its state begins another. */
  readonly stream: string;
  /** Counts the messages, from 0. */
  readonly number: number;
  /** Everything before this number has arrived, or will not come. */
  readonly base: number;
}

export interface MessageContent extends MessageExtras {
  readonly type: 'message';
  readonly body: Json;
  /** The sender's own clock, RFC 3339: a claim. */
  readonly at: string;
}

/** The program has received, or shown, this message and all before it, but for those in `except`. */
export interface Receipt {
  readonly type: 'delivered' | 'read';
  readonly up_to: string;
  /** Absent for older clients, which know neither. */
  readonly number?: number;
  readonly stream?: string;
  readonly except?: readonly number[];
  readonly typing?: true;
}

/**
 * What has arrived, whether or not the program has taken it: everything before `next` but what is in `missing`, as of the
 * message `counter` of `exchange`, the newest that had come. Asks for what is missing.
 */
export interface Arrived {
  readonly type: 'arrived';
  readonly stream: string;
  readonly next: number;
  readonly missing: readonly number[];
  readonly exchange: string;
  readonly counter: number;
}

/**
 * The plaintext of a `message`: one JSON object in UTF-8, padded. Receipts are encrypted too, so that the relay cannot
 * tell a receipt from a message. Unknown types are ignored.
 */
export type Content =
  /** `id` names the message in receipts if it is not that of the envelope. Both are absent with older clients. */
  | (MessageContent & { readonly id?: string; readonly place?: Place; readonly typing?: true })
  | Receipt
  | Arrived
  /** Asks for `arrived`: the last message had the number before `next`. */
  | { readonly type: 'check'; readonly stream: string; readonly next: number; readonly base: number }
  /** These will not come: the sender no longer has them. */
  | { readonly type: 'gone'; readonly stream: string; readonly numbers: readonly number[] }
  /** The initiator of an exchange has the answer: the responder may now use the keys too. */
  | { readonly type: 'ready' }
  /** They type, as of this time by the relay's clock. */
  | { readonly type: 'typing'; readonly at: string }
  /** The recipient cannot open this envelope: what was in it has to be sent again. */
  | { readonly type: 'unreadable'; readonly id: string };

/** `wants.typing`: this side wants to know when the other types, and to tell. */
export function encodeContent(
  content: Content,
  wants: { readonly typing: boolean } = { typing: false },
): Uint8Array {
  const members = content.type === 'message' ? messageMembers(content) : content;
  const tells = content.type === 'message' || content.type === 'delivered' || content.type === 'read';
  return utf8ToBytes(JSON.stringify(wants.typing && tells ? { ...members, typing: true } : members));
}

function messageMembers({
  type,
  id,
  place,
  body,
  at,
  ...extras
}: Extract<Content, { readonly type: 'message' }>): object {
  return { type, id, ...place, body, at, ...writeExtras(extras) };
}

/** Null if it is not content that we know: the sender is authentic, but may run any software. */
export function decodeContent(plaintext: Uint8Array): Content | null {
  try {
    const value = parseUnambiguous(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext),
    );
    return typeof value === 'object' && value !== null ? readContent(value as Members) : null;
  } catch {
    return null;
  }
}

type Members = Readonly<Record<string, unknown>>;

/** Numbers that a receipt lists: more are asked for later. */
export const LISTED_MAX = 256;

function readContent(members: Members): Content | null {
  const wants = members.typing === true ? { typing: true as const } : {};
  const { type, body, at, up_to, id, stream, next, base, exchange, counter, missing, numbers } = members;
  switch (type) {
    case 'message': {
      if (body === undefined) return null;
      const message = {
        type,
        body: body as Json,
        at: typeof at === 'string' ? at : '',
        ...readExtras(members),
        ...wants,
      } as const;
      const place = readPlace(members);
      return { ...message, ...(isName(id) ? { id } : {}), ...(place === null ? {} : { place }) };
    }
    case 'delivered':
    case 'read': {
      if (typeof up_to !== 'string') return null;
      const { number, except } = members;
      const placed = isName(stream) && isCount(number) && isList(except);
      return placed ? { type, up_to, stream, number, except, ...wants } : { type, up_to, ...wants };
    }
    case 'arrived': {
      if (!isName(stream) || !isCount(next) || !isList(missing) || !isName(exchange) || !isCount(counter))
        return null;
      return { type, stream, next, missing, exchange, counter };
    }
    case 'check':
      return isName(stream) && isCount(next) && isCount(base) ? { type, stream, next, base } : null;
    case 'gone':
      return isName(stream) && isList(numbers) ? { type, stream, numbers } : null;
    case 'ready':
      return { type };
    case 'typing':
      return typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? { type, at } : null;
    case 'unreadable':
      return isName(id) ? { type, id } : null;
    default:
      return null;
  }
}

function readPlace({ stream, number, base }: Members): Place | null {
  return isName(stream) && isCount(number) && isCount(base) && base <= number
    ? { stream, number, base }
    : null;
}

/** As long as any id of an envelope, a stream or an exchange. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= LISTED_MAX && value.every(isCount);
}
