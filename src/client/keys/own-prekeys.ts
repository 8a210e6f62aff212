import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';
import { toBase64 } from '../../crypto/base64.ts';
import { x25519 } from '../../crypto/x25519.ts';
import { PREKEY_GENERATION_MAX, PREKEYS_MAX, prekeysText } from '../../protocol/prekeys.ts';
import type { Identity } from '../account/identity.ts';
import { signatureOf } from '../account/signing.ts';
import type { PublishedState } from '../connection/published-state.ts';
import { Batch, type Records } from '../storage/records.ts';
import { KEM_SEED_BYTES, loadKem } from './exchange/hybrid.ts';

/** One batch that we have made, as it is stored. Hex. */
interface StoredBatch {
  readonly generation: number;
  readonly kemSeed: string;
  /** Those that no first message has used. */
  readonly keys: readonly { readonly publicKey: string; readonly secretKey: string }[];
  readonly madeMs: number;
  /** When the relay took a newer one in its place; null for the one in use, or about to be. */
  readonly retiredMs: number | null;
}

/** With fewer left, another batch is published. */
const REFILL_BELOW = 8;
/** The key of last resort is replaced after this time, whatever is left. */
const REPLACE_AFTER_MS = 7 * 86_400_000;
/** First messages under a batch that was replaced may come for so long. */
const KEPT_MS = 8 * 86_400_000;
/** Tries at one login: the first may find that the store has changed. */
const TRIES = 2;

export interface OwnPrekeysOptions {
  readonly identity: Identity;
  readonly records: Records;
  readonly now: () => number;
  /** The command `prekeys`. Rejects if the relay refuses it. */
  readonly publish: (payload: object) => Promise<unknown>;
}

/** Keys that we publish for first messages, so that each opens by a key that is erased once it was read. */
export class OwnPrekeys {
  readonly #options: OwnPrekeysOptions;
  /** Oldest first. */
  #batches: readonly StoredBatch[];
  #state: PublishedState | null = null;
  #publishing = false;

  constructor(options: OwnPrekeysOptions) {
    this.#options = options;
    this.#batches = options.records.get<StoredBatch[]>('prekeys') ?? [];
  }

  /** Erases batches that were replaced long ago. */
  async forgetOld(): Promise<void> {
    const nowMs = this.#options.now();
    const kept = this.#batches.filter(({ retiredMs }) => retiredMs === null || nowMs - retiredMs < KEPT_MS);
    if (kept.length < this.#batches.length) await this.#store(kept);
  }

  /** Logged in. Publishes in the background; what fails is tried again at the next login. */
  welcomed(code: string, state: PublishedState): void {
    this.#state = state;
    this.#refresh(code).catch(() => {});
  }

  /** The private halves for a first message, hex: null if we have no such batch, or no such key in it (any more). */
  secretsOf(
    generation: number,
    prekey: string | null,
  ): { readonly kemSeed: string; readonly secretKey: string | null } | null {
    const found = this.#batches.find((batch) => batch.generation === generation);
    if (found === undefined) return null;
    if (prekey === null) return { kemSeed: found.kemSeed, secretKey: null };
    const key = found.keys.find(({ publicKey }) => publicKey === prekey);
    return key === undefined ? null : { kemSeed: found.kemSeed, secretKey: key.secretKey };
  }

  /** A first message has opened under this key: it opens nothing again. */
  used(prekey: string, batch: Batch): void {
    this.#batches = this.#batches.map((each) => {
      return { ...each, keys: each.keys.filter(({ publicKey }) => publicKey !== prekey) };
    });
    batch.set('prekeys', this.#batches);
  }

  async #refresh(code: string): Promise<void> {
    if (this.#publishing) return;
    this.#publishing = true;
    try {
      for (let tries = 1; tries <= TRIES && this.#needsBatch(); tries += 1) await this.#publish(code);
    } finally {
      this.#publishing = false;
    }
  }

  #needsBatch(): boolean {
    const newest = this.#batches.at(-1);
    if (this.#state === null) return false;
    const { generation, left } = this.#state;
    if (newest === undefined || newest.generation !== generation) return true;
    return left < REFILL_BELOW || this.#options.now() - newest.madeMs >= REPLACE_AFTER_MS;
  }

  async #publish(code: string): Promise<void> {
    const { identity, now, publish } = this.#options;
    const kem = await loadKem();
    const state = this.#state;
    const last = Math.max(state?.generation ?? 0, this.#batches.at(-1)?.generation ?? 0);
    if (state === null || last >= PREKEY_GENERATION_MAX) return;
    const seed = randomBytes(KEM_SEED_BYTES);
    const keys = Array.from({ length: PREKEYS_MAX }, () => {
      const secretKey = x25519.utils.randomSecretKey();
      return { publicKey: bytesToHex(x25519.getPublicKey(secretKey)), secretKey: bytesToHex(secretKey) };
    });
    const generation = last + 1;
    const made = { generation, kemSeed: bytesToHex(seed), keys, madeMs: now(), retiredMs: null };
    // Stored before the relay hears of it.
    await this.#store([...this.#batches, made]);
    const published = {
      generation,
      keys: keys.map(({ publicKey }) => publicKey),
      kemPublicKey: toBase64(kem.publicKeyOf(seed)),
    };
    const { store } = state;
    try {
      await publish({
        generation,
        keys: published.keys,
        kem_public_key: published.kemPublicKey,
        signature: signatureOf(prekeysText(code, published), identity),
        store,
      });
    } catch (error) {
      // Another history of the store has begun meanwhile, which the login after that has told of.
      if (this.#state?.store === store) throw error;
      return;
    }
    if (this.#state?.store === store) this.#state = { generation, left: keys.length, store };
    await this.#store(
      this.#batches.map((each) =>
        each.generation === generation ? each : { ...each, retiredMs: each.retiredMs ?? now() },
      ),
    );
  }

  #store(batches: readonly StoredBatch[]): Promise<void> {
    this.#batches = batches;
    const batch = new Batch();
    batch.set('prekeys', batches);
    return this.#options.records.commit(batch);
  }
}
