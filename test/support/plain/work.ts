import { createHash } from 'node:crypto';

/** The challenge of a 428, docs/protocol.md section 1. */
export interface Challenge {
  readonly challenge: string;
  readonly bits: number;
}

/** Work by trying nonces; `enough` false: one that is too little. Nothing here comes from src. */
export function workFor({ challenge, bits }: Challenge, enough = true): string {
  for (let nonce = 0; ; nonce += 1) {
    const work = `${challenge}.${nonce}`;
    const hash = createHash('sha256').update(work).digest();
    if (hash.readUInt32BE() < 2 ** (32 - bits) === enough) return work;
  }
}
