import { fromBase64, toBase64 } from '../../../crypto/base64.ts';
import { KEM_KEY_BYTES } from '../../../protocol/prekeys.ts';
import type { SignedPrekeys } from '../../verbs/prekeys.ts';

/*
 * A batch as Redis has it, beside its generation: signature (64 bytes) ‖ ML-KEM-768 key (1,184) ‖ X25519 keys (32 each).
 * 1,888 bytes with 20 keys, where the text of the command has 3,200.
 */
const SIGNATURE_BYTES = 64;
const KEY_BYTES = 32;
const KEYS_FROM = SIGNATURE_BYTES + KEM_KEY_BYTES;

export function packBatch({ signature, kemPublicKey, keys }: SignedPrekeys): Buffer {
  const kem = fromBase64(kemPublicKey) ?? new Uint8Array();
  return Buffer.concat([Buffer.from(signature, 'hex'), kem, ...keys.map((key) => Buffer.from(key, 'hex'))]);
}

export function unpackBatch(generation: number, packed: Buffer): SignedPrekeys {
  const keys: string[] = [];
  for (let from = KEYS_FROM; from + KEY_BYTES <= packed.length; from += KEY_BYTES) {
    keys.push(packed.toString('hex', from, from + KEY_BYTES));
  }
  return {
    generation,
    keys,
    kemPublicKey: toBase64(packed.subarray(SIGNATURE_BYTES, KEYS_FROM)),
    signature: packed.toString('hex', 0, SIGNATURE_BYTES),
  };
}
