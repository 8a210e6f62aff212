import { SharedArray } from 'k6/data';
import { TIME } from './env.ts';
import { envelopeText, frame, type SignedPair } from './frames.ts';

const SIGNATURE_CHARACTERS = 128;
/** The relay has forgotten an `id` after twenty minutes: then the same frame is a new envelope again. */
const REUSE_AFTER_MS = 25 * 60_000;

/** How much a script needs of sign.ts. */
export interface Needs {
  readonly pairs: number;
  /** Of each pair. */
  readonly envelopes: number;
}

/** The frames that sign.ts has written, once for all VUs. Init context only. */
export function signedPairs({ pairs, envelopes }: Needs): readonly SignedPair[] {
  const file = __ENV.FRAMES;
  return new SharedArray<SignedPair>('pairs', () => {
    if (file === undefined) throw new Error('FRAMES: name the file that loadtest/k6/sign.ts has written');
    const signed: SignedPair[] = JSON.parse(open(file)).pairs;
    const each = (signed[0]?.signatures.length ?? 0) / SIGNATURE_CHARACTERS;
    if (signed.length < pairs || each < envelopes)
      throw new Error(
        `${file} has ${signed.length} pairs with ${each} envelopes, and this takes ${pairs} with ${envelopes}: sign.ts --pairs ${pairs} --envelopes ${envelopes}`,
      );
    return signed;
  });
}

/**
 * How many frames a pair needs that is busy all the time; those of long scenarios are used again.
 * @param seconds of the scenario, and of each session in it, before `TIME` is applied
 */
export function envelopesFor(perSecond: number, seconds: number, sessionSeconds = seconds): number {
  const sessions = Math.min(seconds * TIME, REUSE_AFTER_MS / 1_000) / (sessionSeconds * TIME) + 1;
  return Math.ceil(sessions) * Math.ceil(perSecond * sessionSeconds * TIME + 1);
}

export interface Frame {
  readonly id: string;
  readonly text: string;
}

/** The next frame of a pair, and the next … */
export function framesOf(pair: SignedPair): () => Frame {
  const count = pair.signatures.length / SIGNATURE_CHARACTERS;
  let next = 0;
  let firstUsedMs = 0;
  return () => {
    if (next % count === 0) {
      if (next > 0 && Date.now() - firstUsedMs < REUSE_AFTER_MS)
        throw new Error(`all ${count} frames of the pair are used up: sign more of them`);
      firstUsedMs = Date.now();
    }
    const number = next % count;
    next += 1;
    const id = `${number}`;
    const { writer, reader, payloadBytes, signatures } = pair;
    const data = envelopeText({ sender: writer.code, recipient: reader.code, id, payloadBytes });
    const at = number * SIGNATURE_CHARACTERS;
    return { id, text: frame(data, signatures.slice(at, at + SIGNATURE_CHARACTERS)) };
  };
}
