import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Json } from './json.ts';
import { type MessageExtras, readExtras, writeExtras } from './message-extras.ts';

/**
 * The plaintext of a `message`: one JSON object in UTF-8. Receipts are encrypted too, so that the relay cannot tell a
 * receipt from a message. Unknown types are ignored.
 */
export type Content =
  /** `at`: the sender's own clock, RFC 3339: a claim. */
  | ({ readonly type: 'message'; readonly body: Json; readonly at: string } & MessageExtras)
  /** Cumulative, in sending order: the program has received (or shown) this message and all before it. */
  | { readonly type: 'delivered' | 'read'; readonly up_to: string }
  /** The initiator of an exchange has the answer: the responder may now use the keys too. */
  | { readonly type: 'ready' }
  /** The recipient does not have the keys for this message: it has to be sent again. */
  | { readonly type: 'unreadable'; readonly id: string };

export function encodeContent(content: Content): Uint8Array {
  return utf8ToBytes(JSON.stringify(content.type === 'message' ? messageMembers(content) : content));
}

function messageMembers({
  type,
  body,
  at,
  ...extras
}: Extract<Content, { readonly type: 'message' }>): object {
  return { type, body, at, ...writeExtras(extras) };
}

/** Null if it is not content that we know: the sender is authentic, but may run any software. */
export function decodeContent(plaintext: Uint8Array): Content | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { type, body, at, up_to, id } = value as Record<string, unknown>;
  if (type === 'message' && body !== undefined) {
    return { type, body: body as Json, at: typeof at === 'string' ? at : '', ...readExtras(value) };
  }
  if ((type === 'delivered' || type === 'read') && typeof up_to === 'string') return { type, up_to };
  if (type === 'ready') return { type };
  if (type === 'unreadable' && typeof id === 'string') return { type, id };
  return null;
}
