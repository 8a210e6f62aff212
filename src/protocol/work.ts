/**
 * Work for a registration: `<challenge>.<nonce>`, whose SHA-256 begins with as many zero bits as the challenge asks for.
 * The challenge is opaque to clients; the nonce is theirs.
 */
const WORK = /^([A-Za-z0-9._-]{1,64})\.([A-Za-z0-9_-]{1,20})$/;

/** The challenge of a text that may be such work; null if it cannot be. */
export function challengeOf(work: string): string | null {
  return WORK.exec(work)?.[1] ?? null;
}

/** Zero bits at the beginning of a hash. */
export function leadingZeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}
