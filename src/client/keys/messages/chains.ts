import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { nextLink, ratchetStep } from './derivation.ts';

/**
 * The sending half of a session. By version 2 the key is a chain key: each message has a key of its own, and both it and
 * the chain key that gave it are forgotten, so that the stored state opens nothing that was sent before.
 */
export interface SendingChain {
  /** Hex. By version 1 the one key of all messages. */
  readonly key: string;
  /** Counter of the next message. Never goes back, and never restarts under one key. */
  readonly next: number;
  /** Hex: hash of all messages before `next`. Empty by version 1. */
  readonly link: string;
}

export interface ReceivingChain extends SendingChain {
  /** Messages before `next` that did not come, oldest first: at most `MISSING_MAX`. */
  readonly missing: readonly MissingMessage[];
}

interface MissingMessage {
  readonly counter: number;
  /** Of this message; empty by version 1. */
  readonly key: string;
  /** The link before it and behind it, as far as later messages have told. */
  readonly before: string | null;
  readonly after: string | null;
}

/** A message may be so far ahead of the last: each step costs two hashes and a stored key. */
export const JUMP_MAX = 2_000;
/** Keys of missing messages that are kept for each session. */
const MISSING_MAX = 256;

/** The key for the message that comes next. */
export function sendingKey(chain: SendingChain): Uint8Array {
  return ratchetStep(hexToBytes(chain.key)).messageKey;
}

/** The chain after a message with this box was sealed under `sendingKey`: store it before the message is sent. */
export function afterSealing(chain: SendingChain, box: Uint8Array): SendingChain {
  return {
    key: bytesToHex(ratchetStep(hexToBytes(chain.key)).next),
    next: chain.next + 1,
    link: bytesToHex(nextLink(hexToBytes(chain.link), box)),
  };
}

/** How to open one message, and the chain once it has opened: an attempt that fails changes nothing. */
export interface Opening {
  readonly key: Uint8Array;
  readonly opened: (box: Uint8Array) => ReceivingChain;
}

export type OpeningFailure =
  /** Its key was used, or given up. */
  | 'used'
  /** Too far ahead, or it does not continue the messages that we have. */
  | 'foreign';

/** The key for the message with this counter, whose sender says that `link` stands before it. */
export function openingOf(chain: ReceivingChain, counter: number, link: string): Opening | OpeningFailure {
  if (counter < chain.next) return missingOpening(chain, counter, link);
  if (counter - chain.next > JUMP_MAX) return 'foreign';
  if (counter === chain.next && link !== chain.link) return 'foreign';
  let key: Uint8Array = hexToBytes(chain.key);
  const skipped: MissingMessage[] = [];
  for (let each = chain.next; each < counter; each++) {
    const { messageKey, next } = ratchetStep(key);
    const before = each === chain.next ? chain.link : null;
    const after = each === counter - 1 ? link : null;
    skipped.push({ counter: each, key: bytesToHex(messageKey), before, after });
    key = next;
  }
  const { messageKey, next } = ratchetStep(key);
  return {
    key: messageKey,
    opened: (box) => ({
      key: bytesToHex(next),
      next: counter + 1,
      link: bytesToHex(nextLink(hexToBytes(link), box)),
      missing: [...chain.missing, ...skipped].slice(-MISSING_MAX),
    }),
  };
}

/** A message that was missing: it must fit between its neighbours, as far as they are known. */
function missingOpening(chain: ReceivingChain, counter: number, link: string): Opening | OpeningFailure {
  const found = chain.missing.find((message) => message.counter === counter);
  if (found === undefined) return 'used';
  if (found.before !== null && found.before !== link) return 'foreign';
  return {
    key: hexToBytes(found.key),
    opened: (box) => {
      const after = bytesToHex(nextLink(hexToBytes(link), box));
      if (found.after !== null && found.after !== after) throw new BrokenChain();
      const rest = chain.missing.filter((message) => message !== found);
      return { ...chain, missing: rest.map((message) => neighbour(message, counter, { link, after })) };
    },
  };
}

function neighbour(
  message: MissingMessage,
  opened: number,
  links: { readonly link: string; readonly after: string },
): MissingMessage {
  if (message.counter === opened - 1) return { ...message, after: links.link };
  if (message.counter === opened + 1) return { ...message, before: links.after };
  return message;
}

/** A message opens, but the one behind it was linked to another. */
export class BrokenChain extends Error {}
