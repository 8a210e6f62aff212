/** X25519 keys of one batch. */
export const PREKEYS_MAX = 20;
/** Of ML-KEM-768: bytes, and digits of their base64. */
export const KEM_KEY_BYTES = 1_184;
/** Generations count up from 1. */
export const PREKEY_GENERATION_MAX = 2 ** 32;

/** Keys that a user publishes for first messages (docs/protocol.md 4 and 6.7). */
export interface PrekeyBatch {
  /** Higher than that of the batch before. */
  readonly generation: number;
  /** X25519, 64 lower-case hex digits each: every key is given to one claim. 1 to `PREKEYS_MAX`, all different. */
  readonly keys: readonly string[];
  /** ML-KEM-768, canonical base64: of last resort, given to every claim. */
  readonly kemPublicKey: string;
}

/** The text that the signature of a batch signs. */
export function prekeysText(code: string, { generation, keys, kemPublicKey }: PrekeyBatch): string {
  return `relay-prekeys:${code}:${generation}:${kemPublicKey}:${keys.join(',')}`;
}

export function isPrekeyGeneration(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= PREKEY_GENERATION_MAX;
}
