import { utf8ToBytes } from '@noble/hashes/utils.js';
import { fromBase64 } from '../../crypto/base64.ts';
import { exchangeKeyProblem } from '../../protocol/exchange-key.ts';
import { isPrekeyGeneration, KEM_KEY_BYTES, PREKEYS_MAX, prekeysText } from '../../protocol/prekeys.ts';
import { isSignedBy } from '../account/signing.ts';

/** What a peer has published, checked, for one first message. */
export interface ClaimedPrekeys {
  readonly generation: number;
  /** X25519, hex, for this message alone; null if there was none left. */
  readonly prekey: string | null;
  /** ML-KEM-768, of last resort. */
  readonly kemPublicKey: Uint8Array;
}

/** Reads the answer to `prekey_claim`: null if there is no batch, or if the owner of this Ed25519 key has not signed it. */
export function readClaim(
  answer: Readonly<Record<string, unknown>>,
  owner: { readonly code: string; readonly eddsaPublicKey: string },
): ClaimedPrekeys | null {
  const { generation, keys, kem_public_key: kem, signature, index } = answer;
  const isBatch =
    isPrekeyGeneration(generation) &&
    Array.isArray(keys) &&
    keys.length <= PREKEYS_MAX &&
    keys.every((key) => typeof key === 'string') &&
    typeof kem === 'string' &&
    typeof signature === 'string';
  if (!isBatch) return null;
  const text = prekeysText(owner.code, { generation, keys, kemPublicKey: kem });
  if (!isSignedBy(owner.eddsaPublicKey, utf8ToBytes(text), signature)) return null;
  const kemPublicKey = fromBase64(kem);
  const prekey: unknown = typeof index === 'number' ? keys[index] : null;
  if (kemPublicKey?.length !== KEM_KEY_BYTES) return null;
  if (prekey !== null && (typeof prekey !== 'string' || exchangeKeyProblem(prekey) !== null)) return null;
  return { generation, prekey, kemPublicKey };
}

/** A relay that does not answer must not keep the message: it goes without. */
const ANSWER_WITHIN_MS = 5_000;

export interface PeerPrekeysOptions {
  /** The command `prekey_claim`; null if the relay has no such command. Rejects if it is refused. */
  readonly claim: () => Promise<ClaimedPrekeys | null> | null;
}

/** The keys of one peer for the next request with a message inside: claimed when they are needed, used once. */
export class PeerPrekeys {
  readonly #options: PeerPrekeysOptions;
  /** Undefined: not asked since the last use. */
  #claimed: ClaimedPrekeys | null | undefined;
  #asking: Promise<void> | null = null;

  constructor(options: PeerPrekeysOptions) {
    this.#options = options;
  }

  /** Null if a first message can be sealed now; otherwise resolves when it can. Never rejects. */
  ask(): Promise<void> | null {
    if (this.#claimed !== undefined || this.#asking !== null) return this.#asking;
    const answer = this.#options.claim();
    if (answer === null) this.#claimed = null;
    else this.#asking = this.#wait(answer);
    return this.#asking;
  }

  /** Gives the keys away. */
  take(): ClaimedPrekeys | null {
    const claimed = this.#claimed ?? null;
    this.#claimed = undefined;
    return claimed;
  }

  async #wait(answer: Promise<ClaimedPrekeys | null>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, ANSWER_WITHIN_MS, null);
    });
    this.#claimed = await Promise.race([answer.catch(() => null), tooLate]);
    clearTimeout(timer);
    this.#asking = null;
  }
}
