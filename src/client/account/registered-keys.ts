import { bytesToHex } from '@noble/hashes/utils.js';
import { x25519 } from '../../crypto/x25519.ts';
import { Batch, type Records } from '../storage/records.ts';
import { type Identity, identityFrom } from './identity.ts';

/** As it is stored: `registered`, a list, oldest first. Hex. */
interface RegisteredKey {
  readonly publicKey: string;
  readonly secretKey: string;
  /** When the relay took another in its place; null for the one in use, or about to be. */
  readonly retiredMs: number | null;
}

/** First messages under a key that was replaced may come for so long: a request of theirs is not answered later. */
const KEPT_MS = 8 * 86_400_000;

/** The X25519 keys that this identity is, and was, registered with: first messages are encrypted to them. */
export class RegisteredKeys {
  readonly #identity: Identity;
  readonly #records: Records;
  #keys: readonly RegisteredKey[];

  constructor(identity: Identity, records: Records) {
    this.#identity = identity;
    this.#records = records;
    this.#keys = records.get<RegisteredKey[]>('registered') ?? [];
  }

  /** Erases those that were replaced long ago. */
  async forgetOld(nowMs: number): Promise<void> {
    const kept = this.#keys.filter(({ retiredMs }) => retiredMs === null || nowMs - retiredMs < KEPT_MS);
    if (kept.length < this.#keys.length) await this.#store(kept);
  }

  /** The private half, hex; undefined if we have no such key. */
  secretOf(publicKey: string): string | undefined {
    const kept = this.#keys.find((key) => key.publicKey === publicKey);
    // The identity's own, as long as it was not replaced and has run out.
    const own = this.#keys.length === 0 && publicKey === this.#identity.ecdhPublicKey;
    return own ? bytesToHex(this.#identity.exchangeKey) : kept?.secretKey;
  }

  /** Makes the next key. It is stored before the relay hears of it. */
  async make(): Promise<Identity> {
    const { signingKey, exchangeKey, ecdhPublicKey } = this.#identity;
    const next = identityFrom(signingKey, x25519.utils.randomSecretKey());
    const present: RegisteredKey[] =
      this.#keys.length > 0
        ? [...this.#keys]
        : [{ publicKey: ecdhPublicKey, secretKey: bytesToHex(exchangeKey), retiredMs: null }];
    await this.#store([...present, keyOf(next)]);
    return next;
  }

  /** The relay has taken this one in place of all others. */
  async took({ ecdhPublicKey }: Identity, nowMs: number): Promise<void> {
    await this.#store(
      this.#keys.map((key) => {
        return key.publicKey === ecdhPublicKey ? key : { ...key, retiredMs: key.retiredMs ?? nowMs };
      }),
    );
  }

  #store(keys: readonly RegisteredKey[]): Promise<void> {
    this.#keys = keys;
    const batch = new Batch();
    batch.set('registered', keys);
    return this.#records.commit(batch);
  }
}

function keyOf({ ecdhPublicKey, exchangeKey }: Identity): RegisteredKey {
  return { publicKey: ecdhPublicKey, secretKey: bytesToHex(exchangeKey), retiredMs: null };
}
