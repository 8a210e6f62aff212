import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { leadingZeroBits } from '../../protocol/work.ts';
import { ClientError, throwIfAborted } from '../errors.ts';

/** About 70 million hashes, minutes of one core. An honest relay asks for no more. */
const BITS_MAX = 26;
/** A frame of a page that is drawn 60 times a second. */
const SLICE_MS = 12;

/**
 * Work for a registration: the challenge with a nonce. Gives way to everything else again and again, so that a page stays
 * alive. Throws `refused` if it is more than an honest relay asks for, `aborted`.
 */
export async function work(
  { challenge, bits }: { readonly challenge: string; readonly bits: number },
  signal?: AbortSignal,
): Promise<string> {
  if (bits > BITS_MAX) {
    const message = `The relay asks a new user for ${bits} bits of work; this client does at most ${BITS_MAX}.`;
    throw new ClientError('refused', message);
  }
  let untilMs = performance.now() + SLICE_MS;
  for (let nonce = 0; ; nonce += 1) {
    const found = `${challenge}.${nonce.toString(36)}`;
    if (leadingZeroBits(sha256(utf8ToBytes(found))) >= bits) return found;
    // Looking at the clock costs as much as a hash.
    if (nonce % 64 !== 0 || performance.now() < untilMs) continue;
    await othersTurn();
    throwIfAborted(signal);
    untilMs = performance.now() + SLICE_MS;
  }
}

/** What browsers and Node have in common. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/** As a timer of 0 ms, which browsers put off to once a second in a hidden page. */
function othersTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel() as unknown as { readonly port1: Port; readonly port2: Port };
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
