import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientFrame, decodeFrame } from '../../../src/protocol/frames/frame.ts';
import { type Fault, type Meaning, writeFrame } from '../../support/frames/frame-writer.ts';
import { find, READINGS, readTree, type Tree } from '../../support/frames/plain-json.ts';
import { byLength } from '../../support/long.ts';
import { Random } from '../../support/random.ts';

const CASES = byLength(20_000, 100_000);
const SEED = 20260326;

const PAYLOADS = [
  '{"ciphertext":"QmFzZTY0","n":1}',
  '[1,1.0,1e0,-0,0.1e1,1E+400]',
  '{"\u00e9":"NFC","e\u0301":"NFD"}',
  '"\\ud83d\\ude00\u{1f600}"',
  '{"sender":"B0B0000","data":{"sender":"server"},"signature":""}',
  'null',
  '"}}"',
];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function meaningOf(random: Random): Meaning {
  return {
    sender: random.pick(['A11CE00', 'B0B0000', '0000000', 'ZZZZZZZ']),
    recipient: random.pick(['A11CE00', 'B0B0000', 'E011T7D']),
    id: random.pick([null, 'a', 'note-1', '0_-Z', 'x'.repeat(64)]),
    type: random.pick(['message', 'x', 'webrtc_offer']),
    payload: random.pick(PAYLOADS),
    signature: random.pick(['0123456789abcdef', 'ABCDEF0123456789', 'aBcDeF0000000000']).repeat(8),
  };
}

/** Null if every parser reads the frame as we did, otherwise who reads what. */
function disagreement(text: string, decoded: Extract<ClientFrame, { kind: 'envelope' }>): string | null {
  const tree = readTree(text);
  const data = decoder.decode(encoder.encode(text).subarray(decoded.dataStart, decoded.dataEnd));
  for (const reading of READINGS) {
    const at = (...path: string[]) => scalar(find(tree, path, reading));
    const read = {
      sender: at('data', 'sender'),
      recipient: at('data', 'recipient'),
      id: at('data', 'id') ?? null,
      type: at('data', 'message', 'type'),
      signature: String(at('signature')).toLowerCase(),
    };
    for (const [name, value] of Object.entries(read)) {
      if (value !== decoded[name as keyof typeof read])
        return `${name} is ${value} to who takes the ${reading}`;
    }
    const span = find(tree, ['data'], reading);
    if (span === undefined || text.slice(span.start, span.end) !== data)
      return `data is other to who takes the ${reading}`;
  }
  return isDeepStrictEqual(JSON.parse(data), (JSON.parse(text) as { data: unknown }).data)
    ? null
    : 'data reads otherwise';
}

function scalar(tree: Tree | undefined): unknown {
  return tree?.kind === 'scalar' ? tree.value : undefined;
}

describe('same meaning, other bytes', () => {
  it(`never has two readings: ${CASES} frames, each written differently (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const counts = { accepted: 0, refused: 0, brokenAccepted: 0 };
    for (let number = 0; number < CASES; number++) {
      const meaning = meaningOf(random);
      const fault: Fault = random.pick([null, null, 'doubled', 'lookalike', 'broken', 'broken']);
      const bytes = encoder.encode(writeFrame(meaning, fault, random));
      // Half of a surrogate pair has become U+FFFD.
      const text = decoder.decode(bytes);
      const decoded = decodeFrame(bytes, random.once(2) ? 1 : 2);
      const about = () => `case ${number}, ${fault}: ${text}\n${JSON.stringify(decoded)}`;

      if (decoded.kind === 'malformed') {
        counts.refused++;
        if (fault === null) throw new Error(`refused though nothing is wrong: ${about()}`);
        const inRange = decoded.offset >= 0 && decoded.offset <= bytes.length;
        if (!inRange || decoded.reason === '') throw new Error(`no reason, or out of range: ${about()}`);
        continue;
      }
      counts.accepted++;
      if (fault === 'doubled' || fault === 'lookalike') throw new Error(`accepted: ${about()}`);
      if (decoded.kind !== 'envelope') throw new Error(`not an envelope: ${about()}`);
      if (fault === 'broken') counts.brokenAccepted++;
      else if (!means(decoded, meaning)) throw new Error(`means something else: ${about()}`);
      // A quarter of the sound ones is enough: their meaning was compared already.
      if (fault === null && number % 4 !== 0) continue;
      const wrong = disagreement(text, decoded);
      if (wrong !== null) throw new Error(`${wrong}: ${about()}`);
    }
    expect(counts.accepted).toBeGreaterThan(CASES / 4);
    expect(counts.refused).toBeGreaterThan(CASES / 4);
    expect(counts.brokenAccepted).toBeGreaterThan(CASES / 100);
  });
});

function means(decoded: Extract<ClientFrame, { kind: 'envelope' }>, meaning: Meaning): boolean {
  return (
    decoded.sender === meaning.sender &&
    decoded.recipient === meaning.recipient &&
    decoded.id === meaning.id &&
    decoded.type === meaning.type &&
    decoded.signature === meaning.signature.toLowerCase()
  );
}

describe('any bytes', () => {
  it('give a frame, or a reason and an offset in range, and never throw', () => {
    const sound = writeFrame(meaningOf(new Random(1)), null, new Random(1));
    const cut = fc.tuple(fc.nat(sound.length), fc.nat(sound.length), fc.uint8Array({ maxLength: 6 }));
    const spliced = fc.array(cut, { minLength: 1, maxLength: 3 }).map((cuts) =>
      cuts.reduce((bytes, [start, length, piece]) => {
        const behind = bytes.subarray(Math.min(bytes.length, start + (length % 8)));
        return Uint8Array.from([...bytes.subarray(0, start), ...piece, ...behind]);
      }, encoder.encode(sound)),
    );
    const property = fc.property(
      fc.oneof(spliced, fc.uint8Array()),
      fc.constantFrom(1 as const, 2 as const),
      (bytes, protocol) => {
        const decoded = decodeFrame(bytes, protocol);
        if (decoded.kind !== 'malformed') return;
        expect(decoded.reason).not.toBe('');
        expect(decoded.offset >= 0 && decoded.offset <= bytes.length).toBe(true);
        if (decoded.id !== null) expect(decoded.id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      },
    );
    fc.assert(property, { seed: SEED, numRuns: 10_000 });
  });

  it('are read alike wherever they lie in their buffer', () => {
    const text = writeFrame(meaningOf(new Random(2)), null, new Random(2));
    const expected = decodeFrame(encoder.encode(text), 1);
    for (let offset = 0; offset < 17; offset++) {
      const within = Buffer.alloc(text.length * 4 + 40, '"');
      const length = within.write(text, offset);
      expect(decodeFrame(within.subarray(offset, offset + length), 1)).toEqual(expected);
    }
  });
});
