import { signedText } from '../../protocol/frames/relay-frames.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import { newEnvelopeId } from './envelope-id.ts';

/** The relay remembers an id for 10 minutes from the first storing; after that a new probe is due. */
const SAME_FOR_MS = 9 * 60_000;

/**
 * Makes the relay answer where scripts can see it: an envelope to ourselves. The relay answers a repeat with `accepted`
 * and does not store it again. The client ignores the delivered copy.
 */
export class SelfProbe {
  readonly #identity: Identity;
  readonly #now: () => number;
  readonly #send: (frame: string) => void;
  #frame = '';
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: { identity: Identity; now: () => number; send: (frame: string) => void }) {
    this.#identity = options.identity;
    this.#now = options.now;
    this.#send = options.send;
  }

  send(code: string): void {
    if (this.#now() - this.#sinceMs >= SAME_FOR_MS) {
      const envelope = { sender: code, recipient: code, id: newEnvelopeId(), message: { type: 'heartbeat' } };
      this.#frame = signedFrame(signedText(envelope), this.#identity);
      this.#sinceMs = this.#now();
    }
    this.#send(this.#frame);
  }
}
