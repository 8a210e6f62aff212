import { signedText } from '../../protocol/frames.ts';
import type { Identity } from '../account/identity.ts';
import { signedFrame } from '../account/signing.ts';
import { newEnvelopeId } from '../keys/agreement.ts';

/** The relay answers a repeat from memory for 10 minutes from the first storing; then a new one is due. */
const SAME_FOR_MS = 9 * 60_000;

/**
 * Asks the relay for a sign of life, where scripts can see it: an envelope to oneself, whose repetition is answered
 * with `accepted` and not stored again. What is delivered of it is ignored.
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
