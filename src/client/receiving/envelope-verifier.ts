import type { IncomingEnvelope } from '../connection/incoming.ts';
import { TRY_AGAIN_AFTER_MS, type Trust, type Verdict } from '../keys/trust.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import { UnverifiedEnvelopes } from './unverified-envelopes.ts';

export interface EnvelopeVerifierOptions {
  readonly code: string;
  readonly records: Records;
  readonly now: () => number;
  readonly trust: Trust;
  readonly peerOutbox: PeerOutbox;
  /** Loads what handling needs. Rejects if it cannot be loaded now: then the envelope is kept. */
  readonly prepare: (envelope: IncomingEnvelope) => Promise<void>;
  /** Handles an envelope whose signature has verified. Call the returned function once the batch is stored. */
  readonly handle: (envelope: IncomingEnvelope, batch: Batch) => () => void;
  /** The peer has proven that it holds its key. */
  readonly onMet: () => void;
}

/**
 * Verifies one peer's envelopes, one after the other: each is handled, dropped, or kept until it can be verified. Kept
 * envelopes are handled before later ones.
 */
export class EnvelopeVerifier {
  readonly #options: EnvelopeVerifierOptions;
  readonly #unverified: UnverifiedEnvelopes;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<void> = Promise.resolve();
  /** What handling needs could not be loaded: what comes later has to wait, too. */
  #unprepared = false;

  constructor(options: EnvelopeVerifierOptions) {
    this.#options = options;
    this.#unverified = new UnverifiedEnvelopes(options.code, options.records);
    if (!this.isEmpty) this.#reviewLater();
  }

  get isEmpty(): boolean {
    return this.#unverified.envelopes.length === 0;
  }

  /** Resolves once the envelope's effects are stored: only then may it be confirmed. */
  take(envelope: IncomingEnvelope): Promise<void> {
    return this.#inTurn(async () => {
      const { trust, now, peerOutbox } = this.#options;
      // Envelopes that wait for a key were earlier.
      const waits = !this.isEmpty && (trust.pin === null || this.#unprepared);
      const cameMs = now();
      const verdict = waits ? 'unknown' : await this.#judge(envelope, cameMs);
      if (verdict === 'trusted') await this.#handle(envelope);
      if (verdict === 'unknown') this.#reviewLater();
      if (verdict === 'unknown' || verdict === 'changed')
        await peerOutbox.stage((batch) => this.#unverified.add(envelope, cameMs, batch));
    });
  }

  /** Verifies the kept envelopes again, in order, as far as that is possible now. */
  review(): Promise<void> {
    return this.#inTurn(async () => {
      const { peerOutbox } = this.#options;
      for (const unverified of this.#unverified.envelopes) {
        const verdict = await this.#judge(unverified.envelope, unverified.cameMs);
        if (verdict === 'unknown') {
          this.#reviewLater();
          return;
        }
        if (verdict === 'changed') continue;
        const remove = (batch: Batch) => this.#unverified.remove(unverified, batch);
        if (verdict === 'trusted') await this.#handle(unverified.envelope, remove);
        else await peerOutbox.stage(remove);
      }
    });
  }

  close(): void {
    clearTimeout(this.#retryTimer);
  }

  /** As `Trust.judge`; `unknown`, too, if the envelope cannot be handled yet. */
  async #judge(envelope: IncomingEnvelope, cameMs: number): Promise<Verdict> {
    const verdict = await this.#options.trust.judge(envelope, cameMs);
    this.#unprepared = false;
    if (verdict !== 'trusted') return verdict;
    try {
      await this.#options.prepare(envelope);
      return verdict;
    } catch {
      this.#unprepared = true;
      return 'unknown';
    }
  }

  async #handle(envelope: IncomingEnvelope, besides: (batch: Batch) => void = () => {}): Promise<void> {
    const { peerOutbox, handle, onMet } = this.#options;
    let tell = () => {};
    await peerOutbox.stage((batch) => {
      besides(batch);
      tell = handle(envelope, batch);
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
