import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Opening, OpeningFailure, ReceivingChain, SendingChain } from './chains.ts';

/*
 * Exchanges of version 1, with older clients: one key for all messages of a direction. What version 2 does instead is in
 * `chains.ts`.
 */

const LABEL = utf8ToBytes('keyrelay/msg/1');
/** An older client exchanges keys anew after so many messages. */
const JUMP_MAX = 10_000;
const MISSING_MAX = 256;

export function plainChain(key: string, next = 0): ReceivingChain {
  return { key, next, link: '', missing: [] };
}

export function afterPlainSealing(chain: SendingChain): SendingChain {
  return { ...chain, next: chain.next + 1 };
}

/** As `openingOf` of `chains.ts`. */
export function plainOpeningOf(chain: ReceivingChain, counter: number): Opening | OpeningFailure {
  const key = hexToBytes(chain.key);
  if (counter < chain.next) {
    const rest = chain.missing.filter((message) => message.counter !== counter);
    return rest.length === chain.missing.length
      ? 'used'
      : { key, opened: () => ({ ...chain, missing: rest }) };
  }
  if (counter - chain.next > JUMP_MAX) return 'foreign';
  const from = Math.max(chain.next, counter - MISSING_MAX);
  const skipped = Array.from({ length: counter - from }, (_, index) => {
    return { counter: from + index, key: '', before: null, after: null };
  });
  const missing = [...chain.missing, ...skipped].slice(-MISSING_MAX);
  return { key, opened: () => ({ ...chain, next: counter + 1, missing }) };
}

/** `keyrelay/msg/1` ‖ 0x00 ‖ sender code ‖ recipient code ‖ exchange (32 bytes) ‖ counter (8 bytes, big-endian). */
export function plainContext(of: {
  readonly sender: string;
  readonly recipient: string;
  readonly exchange: Uint8Array;
  readonly counter: number;
}): Uint8Array {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(of.counter));
  return concatBytes(LABEL, Uint8Array.of(0), utf8ToBytes(of.sender + of.recipient), of.exchange, counter);
}
