import type { User } from '../account/directory.ts';
import { isSignedBy } from '../account/signing.ts';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { ClientError } from '../errors.ts';
import { Batch, type Records } from '../storage/records.ts';

/** Trust on first use (PROTOCOL.md 6): the relay alone says which keys a code has, so the first is kept. */
export interface Pin {
  readonly eddsaPublicKey: string;
  /** Unsigned, as the relay gave it. */
  readonly name: string | null;
  /** What the relay named later and the program has not accepted; null if nothing. */
  readonly offered: string | null;
}

/**
 * - `trusted`: signed by the pinned key
 * - `changed`: signed by a newer key that the relay names, and that a person has to face first
 * - `forged`: by neither
 * - `unknown`: the relay could not be asked just now, or was asked a moment ago
 */
export type Verdict = 'trusted' | 'changed' | 'forged' | 'unknown';

/** A relay that sends rubbish must not make us ask it for keys all the time. */
const ASK_AGAIN_AFTER_MS = 5_000;
/** After a failed look-up; meanwhile nobody waits for another. Also when what is held is judged again. */
export const TRY_AGAIN_AFTER_MS = 5_000;

export interface TrustOptions {
  readonly code: string;
  readonly records: Records;
  readonly lookup: (code: string) => Promise<User>;
  readonly now: () => number;
  readonly onChanged: (pin: Pin) => void;
}

/** Which key one peer has. */
export class Trust {
  readonly #options: TrustOptions;
  readonly #key: string;
  #pin: Pin | null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TrustOptions) {
    this.#options = options;
    this.#key = `pin:${options.code}`;
    this.#pin = options.records.get<Pin>(this.#key) ?? null;
  }

  /** Null until the peer's key has been learnt. */
  get pin(): Pin | null {
    return this.#pin;
  }

  /** The relay names another key than the pinned one, and nobody has accepted it. */
  get changed(): boolean {
    return typeof this.#pin?.offered === 'string';
  }

  /** Pins at the first time. Throws `unreachable` or `user_unknown`. */
  async learn(): Promise<Pin> {
    return this.#pin ?? this.meet(await this.#options.lookup(this.#options.code));
  }

  /** The relay has said who this is: pinned at the first time. */
  async meet({ eddsaPublicKey, name }: User): Promise<Pin> {
    // Two may have asked at once: the first answer is the one that is kept.
    if (this.#pin === null) await this.#keep({ eddsaPublicKey, name, offered: null });
    return this.#pin ?? this.learn();
  }

  /** Asks the relay whether it still names the pinned key. */
  async recheck(): Promise<void> {
    const pin = await this.learn();
    this.#askedMs = this.#options.now();
    const { eddsaPublicKey } = await this.#options.lookup(this.#options.code);
    const offered = eddsaPublicKey === pin.eddsaPublicKey ? null : eddsaPublicKey;
    if (offered === pin.offered) return;
    const changed = { ...pin, offered };
    await this.#keep(changed);
    if (offered !== null) this.#options.onChanged(changed);
  }

  /** Verifies before anything of the envelope is parsed. `cameMs` is when it came: it may have been held. */
  async judge(envelope: IncomingEnvelope, cameMs: number): Promise<Verdict> {
    const signedBy = (key: string | null | undefined) =>
      typeof key === 'string' && isSignedBy(key, envelope.data, envelope.signature);
    if (signedBy(this.#pin?.eddsaPublicKey)) return 'trusted';
    if (signedBy(this.#pin?.offered)) return 'changed';
    if (this.#askedMs > cameMs) return 'forged';
    const now = this.#options.now();
    if (now - this.#failedMs < TRY_AGAIN_AFTER_MS || now - this.#askedMs < ASK_AGAIN_AFTER_MS)
      return 'unknown';
    try {
      if (this.#pin === null) await this.learn();
      else await this.recheck();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error.code !== 'unreachable') return 'forged';
      this.#failedMs = now;
      return 'unknown';
    }
    if (signedBy(this.#pin?.eddsaPublicKey)) return 'trusted';
    return signedBy(this.#pin?.offered) ? 'changed' : 'forged';
  }

  /** A person has decided to trust the newer key. */
  accept(batch: Batch): void {
    const pin = this.#pin;
    if (pin === null || pin.offered === null) return;
    this.#pin = { ...pin, eddsaPublicKey: pin.offered, offered: null };
    batch.set(this.#key, this.#pin);
  }

  #keep(pin: Pin): Promise<void> {
    this.#pin = pin;
    const batch = new Batch();
    batch.set(this.#key, pin);
    return this.#options.records.commit(batch);
  }
}
