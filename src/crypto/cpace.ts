import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * CPace (draft-irtf-cfrg-cpace, CPACE-RISTR255-SHA512, initiator and responder): two sides that know the same short secret
 * get the same strong key. A side that does not know it learns whether one guess was right, and nothing else. The tests use
 * the draft's vectors (appendix B.3).
 */
const DSI = utf8ToBytes('CPaceRistretto255');
const ISK_DSI = utf8ToBytes('CPaceRistretto255_ISK');
/** Of SHA-512: secret and padding fill its first block. */
const BLOCK_BYTES = 128;
const SCALAR_BYTES = 32;
const { Point } = ristretto255;
const { Fn } = Point;

export interface CpaceInputs {
  /** The short secret. */
  readonly secret: Uint8Array;
  /** What the two sides have to agree on, or get different keys: who they are. */
  readonly channel: Uint8Array;
  readonly sessionId: Uint8Array;
}

/** A secret scalar, 32 bytes: for one run, never used again. */
export function cpaceScalar(): Uint8Array {
  const bytes = randomBytes(SCALAR_BYTES);
  // 252 bits, as the draft samples them: below the order of the group.
  bytes[SCALAR_BYTES - 1] = (bytes[SCALAR_BYTES - 1] ?? 0) & 0x0f;
  return bytes;
}

/** What one side sends: 32 bytes. */
export function cpaceShare(scalar: Uint8Array, inputs: CpaceInputs): Uint8Array {
  return generator(inputs).multiply(Fn.fromBytes(scalar)).toBytes();
}

/** A side's share, and data that it has sent along. */
interface CpaceSide {
  readonly share: Uint8Array;
  readonly data: Uint8Array;
}

export interface CpaceRun {
  readonly scalar: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly initiator: CpaceSide;
  readonly responder: CpaceSide;
  readonly own: 'initiator' | 'responder';
}

/** The key, 64 bytes, that both sides get if their inputs were the same. Null if the other's share is no valid one. */
export function cpaceKey({ scalar, sessionId, initiator, responder, own }: CpaceRun): Uint8Array | null {
  const theirs = own === 'initiator' ? responder : initiator;
  let common: InstanceType<typeof Point>;
  try {
    common = Point.fromBytes(theirs.share).multiply(Fn.fromBytes(scalar));
  } catch {
    return null;
  }
  if (common.equals(Point.ZERO)) return null;
  const sides = [initiator, responder].map(({ share, data }) => withLengths(share, data));
  return sha512(concatBytes(withLengths(ISK_DSI, sessionId, common.toBytes()), ...sides));
}

/** The draft's generator string: everything with its length, and the hash's first block full. */
export function generatorString({ secret, channel, sessionId }: CpaceInputs): Uint8Array {
  const padding = Math.max(0, BLOCK_BYTES - withLengths(secret).length - withLengths(DSI).length - 1);
  return withLengths(DSI, secret, new Uint8Array(padding), channel, sessionId);
}

function generator(inputs: CpaceInputs): InstanceType<typeof Point> {
  const hashed = sha512(generatorString(inputs));
  const derive = ristretto255_hasher.deriveToCurve;
  if (derive === undefined) throw new Error('this @noble/curves has no derivation of ristretto255 elements');
  return derive(hashed);
}

/** Each value behind its length in LEB128. */
function withLengths(...values: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...values.flatMap((value) => [leb128(value.length), value]));
}

function leb128(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.from([...bytes, rest]);
}
