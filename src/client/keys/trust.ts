import type { User } from '../account/directory.ts';
import { isSignedBy } from '../account/signing.ts';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { ClientError } from '../errors.ts';
import { Batch, type Records } from '../storage/records.ts';
import type { Level } from './exchange/exchange.ts';

/** Trust on first use (docs/protocol.md 6): nothing but the relay says which keys a code has, so the first is kept. */
export interface Pin {
  readonly eddsaPublicKey: string;
  /** Unsigned, from the relay. */
  readonly name: string | null;
  /** A key that the relay named later and the program has not accepted; otherwise null. */
  readonly offered: string | null;
  /** The registered X25519 key, once the owner of the pinned key has been seen to have signed it. */
  readonly registeredKey?: string | null;
  /** The best exchange that this peer has shown itself able to; absent before the first of version 2. */
  readonly level?: Level;
}

/**
 * - `trusted`: signed by the pinned key
 * - `changed`: signed by a newer key that the relay names, about which a person has to decide first
 * - `forged`: by neither
 * - `unknown`: the relay cannot be asked now, or was asked a moment ago
 */
export type Verdict = 'trusted' | 'changed' | 'forged' | 'unknown';

/** A relay that sends forged envelopes must not make us look up keys all the time. */
const ASK_AGAIN_AFTER_MS = 5_000;
/** Wait after a failed look-up, and before kept envelopes are verified again. */
export const TRY_AGAIN_AFTER_MS = 5_000;

const LOWEST: Level = { version: 1, hybrid: false };

export interface TrustOptions {
  readonly code: string;
  readonly records: Records;
  readonly lookup: (code: string) => Promise<User>;
  readonly now: () => number;
  readonly onChanged: (pin: Pin) => void;
}

/** The keys of one peer. */
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

  /** Null until the peer's key is known. */
  get pin(): Pin | null {
    return this.#pin;
  }

  /** The relay names a key other than the pinned one, which has not been accepted. */
  get changed(): boolean {
    return typeof this.#pin?.offered === 'string';
  }

  /** The pinned key; throws before a key is pinned. */
  get pinnedKey(): string {
    if (this.#pin !== null) return this.#pin.eddsaPublicKey;
    throw new ClientError('invalid_argument', `The key of ${this.#options.code} is not known yet.`);
  }

  /** The registered X25519 key; null if it is not proven to be the peer's. */
  get registeredKey(): string | null {
    return this.#pin?.registeredKey ?? null;
  }

  get level(): Level {
    return this.#pin?.level ?? LOWEST;
  }

  /** Pins the key at first contact. Throws `unreachable` or `user_unknown`. */
  async learn(): Promise<Pin> {
    return this.#pin ?? this.meet(await this.#options.lookup(this.#options.code));
  }

  /** The relay has described this user: pins the key at first contact. */
  async meet(user: User): Promise<Pin> {
    // Two look-ups may run at once: the first answer is the one that is kept.
    if (this.#pin === null) {
      const { eddsaPublicKey, name } = user;
      await this.#keep({ eddsaPublicKey, name, offered: null, registeredKey: registeredKeyOf(user) });
    }
    return this.#pin ?? this.learn();
  }

  /** Asks the relay whether it still names the pinned key, and for the registered one. */
  async recheck(): Promise<void> {
    const pin = await this.learn();
    this.#askedMs = this.#options.now();
    const user = await this.#options.lookup(this.#options.code);
    const isPinned = user.eddsaPublicKey === pin.eddsaPublicKey;
    const offered = isPinned ? null : user.eddsaPublicKey;
    // A proof by another key says nothing about this one.
    const registeredKey = isPinned ? registeredKeyOf(user) : pin.registeredKey;
    if (offered === pin.offered && registeredKey === pin.registeredKey) return;
    const changed = {
      ...(this.#pin ?? pin),
      offered,
      ...(registeredKey === undefined ? {} : { registeredKey }),
    };
    await this.#keep(changed);
    if (offered !== null && offered !== pin.offered) this.#options.onChanged(changed);
  }

  /** Verifies before anything of the envelope is parsed. `cameMs`: when it arrived, which may be long ago. */
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
    const { name, offered } = this.#pin ?? {};
    if (typeof offered !== 'string') return;
    this.#pin = { eddsaPublicKey: offered, name: name ?? null, offered: null };
    batch.set(this.#key, this.#pin);
  }

  /** The peer has shown that it is able to this. */
  raise({ version, hybrid }: Level, batch: Batch): void {
    const { level, pin } = { level: this.level, pin: this.#pin };
    if (pin === null || (level.version >= version && (level.hybrid || !hybrid))) return;
    this.#pin = { ...pin, level: { version, hybrid: hybrid || level.hybrid } };
    batch.set(this.#key, this.#pin);
  }

  /** A person has decided that the peer may fall back. */
  lower(batch: Batch): void {
    if (this.#pin === null) return;
    this.#pin = { ...this.#pin, level: LOWEST };
    batch.set(this.#key, this.#pin);
  }

  #keep(pin: Pin): Promise<void> {
    this.#pin = pin;
    const batch = new Batch();
    batch.set(this.#key, pin);
    return this.#options.records.commit(batch);
  }
}

function registeredKeyOf({ ecdhPublicKey, proven }: User): string | null {
  return proven ? ecdhPublicKey : null;
}
