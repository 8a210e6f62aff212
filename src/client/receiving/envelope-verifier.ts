import type { IncomingEnvelope } from '../connection/incoming.ts';
import { TRY_AGAIN_AFTER_MS, type Trust } from '../keys/trust.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { PeerOutbox } from './peer-outbox.ts';
import { UnverifiedEnvelopes } from './unverified-envelopes.ts';

export interface EnvelopeVerifierOptions {
  readonly code: string;
  readonly records: Records;
  readonly now: () => number;
  readonly trust: Trust;
  readonly post: PeerOutbox;
  /** Reads an envelope whose signature has verified. Call what is returned once the batch is stored. */
  readonly read: (envelope: IncomingEnvelope, batch: Batch) => () => void;
  /** The peer has shown to hold its key. */
  readonly onMet: () => void;
}

/**
 * What comes from one peer, one envelope after the other: judged by its signature, then read, dropped, or held until it
 * can be judged. What is held comes before whatever comes later.
 */
export class EnvelopeVerifier {
  readonly #options: EnvelopeVerifierOptions;
  readonly #held: UnverifiedEnvelopes;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: EnvelopeVerifierOptions) {
    this.#options = options;
    this.#held = new UnverifiedEnvelopes(options.code, options.records);
    if (!this.isEmpty) this.#reviewLater();
  }

  get isEmpty(): boolean {
    return this.#held.envelopes.length === 0;
  }

  /** Takes one envelope, or drops it. Resolves once what came of it is stored: only then may it be confirmed. */
  take(envelope: IncomingEnvelope): Promise<void> {
    return this.#inTurn(async () => {
      const { trust, now, post } = this.#options;
      // What is held for want of a key came before.
      const waits = trust.pin === null && !this.isEmpty;
      const cameMs = now();
      const verdict = waits ? 'unknown' : await trust.judge(envelope, cameMs);
      if (verdict === 'trusted') await this.#read(envelope);
      if (verdict === 'unknown') this.#reviewLater();
      if (verdict === 'unknown' || verdict === 'changed')
        await post.stage((batch) => this.#held.add(envelope, cameMs, batch));
    });
  }

  /** Judges again what is held, in order, as far as that can be done now. */
  review(): Promise<void> {
    return this.#inTurn(async () => {
      const { trust, post } = this.#options;
      for (const held of this.#held.envelopes) {
        const verdict = await trust.judge(held.envelope, held.cameMs);
        if (verdict === 'unknown') {
          this.#reviewLater();
          return;
        }
        if (verdict === 'changed') continue;
        const remove = (batch: Batch) => this.#held.remove(held, batch);
        if (verdict === 'trusted') await this.#read(held.envelope, remove);
        else await post.stage(remove);
      }
    });
  }

  close(): void {
    clearTimeout(this.#retryTimer);
  }

  async #read(envelope: IncomingEnvelope, besides: (batch: Batch) => void = () => {}): Promise<void> {
    const { post, read, onMet } = this.#options;
    let tell = () => {};
    await post.stage((batch) => {
      besides(batch);
      tell = read(envelope, batch);
    });
    onMet();
    tell();
  }

  #reviewLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.review().catch(() => {});
    }, TRY_AGAIN_AFTER_MS);
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    const done = this.#last.then(job);
    this.#last = done.catch(() => {});
    return done;
  }
}
