import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeOffer, partBytesFor } from '../../../../src/client/conversation/file-options.ts';
import { Credit } from '../../../../src/client/files/credit.ts';
import { openFileFrame, readFileFrame, sealFileFrame } from '../../../../src/client/files/file-cipher.ts';
import { decodeWord, encodeWord } from '../../../../src/client/files/file-word.ts';
import { type FileOffer, readOffer, safeFileName, writeOffer } from '../../../../src/client/files/offer.ts';
import { frameBytesOf } from '../../../../src/client/files/outgoing-file.ts';
import { PartSet } from '../../../../src/client/files/part-set.ts';
import { blobSource, digestOf } from '../../../../src/client/files/source.ts';
import { encodeContent } from '../../../../src/client/sending/content.ts';
import { signedText } from '../../../../src/protocol/frames/relay-frames.ts';
import { openByLibsodium } from '../../../support/keys/libsodium.ts';

const bytes = utf8ToBytes('The quick brown fox jumps over the lazy dog. '.repeat(12)).subarray(0, 513);
const offer: FileOffer = {
  id: '000102030405060708090a0b0c0d0e0f',
  key: Array.from({ length: 32 }, (_, index) => (0x80 + index).toString(16)).join(''),
  name: 'fox.txt',
  size: bytes.length,
  partBytes: 256,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  type: 'text/plain',
};
const context = { offer, sender: 'E011T7D', recipient: 'K7M2Q9X' };
const NONCE = new Uint8Array(24).map((_, index) => 0x60 + index);
const word = { type: 'get', have: [[0, 0]], answers: 3 } as const;
const parts = [0, 1, 2].map((part) => {
  const plaintext = bytes.subarray(part * 256, part * 256 + 256);
  return { plaintext, payload: sealFileFrame(plaintext, part, context, NONCE) };
});
const back = { offer, sender: context.recipient, recipient: context.sender };
const request = { plaintext: encodeWord(word), payload: sealFileFrame(encodeWord(word), null, back, NONCE) };

/** docs/protocol.md 9, written out once more. */
function associatedData(sender: string, recipient: string, part: number): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(3n, 0);
  numbers.writeBigUInt64BE(BigInt(part), 8);
  return Buffer.concat([
    Buffer.from(`keyrelay/file/1\0${sender}${recipient}`),
    Buffer.from(offer.id, 'hex'),
    numbers,
  ]);
}

describe('the vectors for other languages', () => {
  test('are what the SDK computes', async () => {
    const content = {
      type: 'message',
      body: 'fox.txt',
      at: '2026-01-02T03:04:05.678Z',
      file: offer,
    } as const;
    const vectors = {
      about:
        'Test vectors for files between clients of keyrelay. Hex, save where it says otherwise. See docs/protocol.md.',
      file_utf8: new TextDecoder().decode(bytes),
      message_plaintext_utf8: new TextDecoder().decode(encodeContent(content)),
      nonce: bytesToHex(NONCE),
      parts: parts.map(({ plaintext, payload }, part) => ({
        associated_data: associatedData('E011T7D', 'K7M2Q9X', part + 1).toString('hex'),
        plaintext: bytesToHex(plaintext),
        data: signedText({
          sender: 'E011T7D',
          recipient: 'K7M2Q9X',
          id: `part-${part}`,
          message: { type: 'file', payload },
        }),
      })),
      get: {
        associated_data: associatedData('K7M2Q9X', 'E011T7D', 0).toString('hex'),
        plaintext_utf8: new TextDecoder().decode(request.plaintext),
        payload: request.payload,
      },
    };
    const file = join(import.meta.dirname, '../../../../docs/vectors/file.json');
    await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot(file);
  });

  test('open by libsodium', () => {
    for (const [part, { plaintext, payload }] of parts.entries()) {
      const aad = associatedData('E011T7D', 'K7M2Q9X', part + 1);
      expect(openByLibsodium(payload.ciphertext, aad, offer.key).equals(plaintext)).toBe(true);
    }
    const aad = associatedData('K7M2Q9X', 'E011T7D', 0);
    const opened = openByLibsodium(request.payload.ciphertext, aad, offer.key);
    expect(JSON.parse(opened.toString())).toEqual(word);
  });
});

test('a part opens as itself only: not as another part, of another file, for another person, or as a word', () => {
  const payload = parts[1]?.payload;
  if (payload === undefined) throw new Error('no part');
  expect(openFileFrame(payload, context)).toEqual(parts[1]?.plaintext);
  expect(openFileFrame({ ...payload, part: 2 }, context)).toBeNull();
  expect(openFileFrame({ file: payload.file, ciphertext: payload.ciphertext }, context)).toBeNull();
  expect(openFileFrame(payload, back)).toBeNull();
  expect(openFileFrame(payload, { ...context, recipient: 'ZZZZZZZ' })).toBeNull();
  for (const changed of [{ id: '1f'.repeat(16) }, { key: '00'.repeat(32) }, { size: 1_000 }]) {
    expect(openFileFrame(payload, { ...context, offer: { ...offer, ...changed } })).toBeNull();
  }
  for (const ciphertext of ['', 'AAAA', '!', `${payload.ciphertext}\n`]) {
    expect(openFileFrame({ ...payload, ciphertext }, context)).toBeNull();
  }
});

test('an offer is read as it was written, and what no client may take is no offer', () => {
  const wire = writeOffer(offer) as Record<string, unknown>;
  expect(readOffer(JSON.parse(JSON.stringify(wire)))).toEqual(offer);
  const wrong: Record<string, unknown[]> = {
    id: ['', 'AB'.repeat(16), 7, undefined],
    key: ['00', null],
    sha256: ['', 'x'.repeat(64)],
    size: [-1, 1.5, 2 ** 41, '513'],
    part_bytes: [0, 255, 2 ** 21],
    name: [null, 7],
  };
  for (const [member, values] of Object.entries(wrong)) {
    for (const value of values) expect(readOffer({ ...wire, [member]: value }), member).toBeNull();
  }
  expect(readOffer({ ...wire, size: 2 ** 40, part_bytes: 256 })).toBeNull();
  expect(readOffer(null)).toBeNull();
  // What only decorates is left out.
  const shown = (more: object) => readOffer({ ...wire, ...more });
  expect(shown({ type: 'text/html; charset=x' })).not.toHaveProperty('type');
  expect(shown({ preview: 'data:image/svg+xml;base64,AAAA' })).not.toHaveProperty('preview');
  expect(shown({ preview: `data:image/png;base64,${'A'.repeat(20_000)}` })).not.toHaveProperty('preview');
  expect(shown({ preview: 'data:image/webp;base64,AAA=' })).toMatchObject({
    preview: 'data:image/webp;base64,AAA=',
  });
});

test.each([
  ['../../etc/passwd', 'passwd'],
  ['C:\\Windows\\x.exe', 'x.exe'],
  ['.bashrc', 'bashrc'],
  ['../..', 'file'],
  ['', 'file'],
  ['a\u0000b\nc', 'abc'],
  ['annual\u202efdp.exe', 'annualfdp.exe'],
  ['  Ärger 🙂.txt ', 'Ärger 🙂.txt'],
  [`${'x'.repeat(300)}.txt`, 'x'.repeat(255)],
])('the name %j is taken as %j', (name, taken) => {
  expect(safeFileName(name)).toBe(taken);
});

test('payloads of other makes are no file frames', () => {
  const file = '0f'.repeat(16);
  expect(readFileFrame({ file, part: 0, ciphertext: '' })).toEqual({ file, part: 0, ciphertext: '' });
  for (const payload of [
    null,
    7,
    {},
    { file },
    { file: 'x', ciphertext: '' },
    { file, part: -1, ciphertext: '' },
    { file, part: '0', ciphertext: '' },
  ]) {
    expect(readFileFrame(payload)).toBeNull();
  }
});

test('reads the words that it wrote, and refuses others', () => {
  for (const each of [
    word,
    { type: 'get', have: [] },
    { type: 'done' },
    { type: 'cancel' },
    { type: 'ask', number: 7 },
  ] as const) {
    expect(decodeWord(encodeWord(each))).toEqual(each);
  }
  for (const text of [
    '',
    '7',
    'null',
    '{"type":"get"}',
    '{"type":"get","have":[[0]]}',
    '{"type":"get","have":[[-1,2]]}',
    '{"type":"x"}',
    '{"type":"ask"}',
  ]) {
    expect(decodeWord(utf8ToBytes(text)), text).toBeNull();
  }
});

test('parts are kept account of like a set of numbers', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(fc.nat(75)), (size, added) => {
      const parts = new PartSet(size);
      const model = new Set<number>();
      for (const part of added) {
        expect(parts.add(part)).toBe(part < size && !model.has(part));
        if (part < size) model.add(part);
      }
      const missing = Array.from({ length: size }, (_, part) => part).find((part) => !model.has(part));
      expect([parts.count, parts.isFull, parts.firstMissing]).toEqual([
        model.size,
        model.size === size,
        missing ?? size,
      ]);
      const copy = new PartSet(size, parts.ranges(1_000));
      for (let part = 0; part < size; part++) expect(copy.has(part)).toBe(model.has(part));
      for (const [first, last] of parts.ranges(2)) {
        for (let part = first; part <= last; part++) expect(model.has(part)).toBe(true);
      }
      expect(parts.ranges(2).length).toBeLessThanOrEqual(2);
    }),
  );
  // What a peer claims beyond the end costs nothing.
  expect(new PartSet(3, [[1, Number.MAX_SAFE_INTEGER]]).count).toBe(2);
});

test('a part always fits into the frame that it was cut for', async () => {
  for (const maxFrameBytes of [4_096, 8_192, 16_384, 65_536, 131_072]) {
    const partBytes = partBytesFor(maxFrameBytes);
    const made = {
      ...(await makeOffer(blobSource(new Blob(['x']), 'x'), {}, maxFrameBytes)),
      size: partBytes,
    };
    const payload = sealFileFrame(new Uint8Array(partBytes), 0, { ...context, offer: made });
    const data = signedText({
      sender: 'E011T7D',
      recipient: 'K7M2Q9X',
      id: 'f'.repeat(32),
      message: { type: 'file', payload: { ...payload, part: 9_999_999 } },
    });
    const frameBytes = `{"data":${data},"signature":"${'f'.repeat(128)}"}`.length;
    expect(frameBytes).toBeLessThanOrEqual(maxFrameBytes);
    expect(frameBytes).toBeLessThanOrEqual(frameBytesOf(partBytes));
    expect(frameBytes).toBeGreaterThan(maxFrameBytes * 0.75);
  }
});

test('files leave room for messages in the mailbox of their recipient', () => {
  const credit = new Credit(() => 1_000_000);
  credit.take(100_000);
  expect(credit.allows(25_000)).toBe(true);
  expect(credit.allows(25_001)).toBe(false);
  credit.giveBack(100_000);
  // One part always may go, or a file could never.
  expect(credit.allows(500_000)).toBe(true);
  expect(credit.allowsUnasked(125_000)).toBe(true);
  credit.takeUnasked(100_000);
  expect(credit.allowsUnasked(25_001)).toBe(false);
  credit.full();
  expect(credit.allows(1)).toBe(false);
  expect(credit.waitMs).toBeGreaterThan(0);
  credit.moved();
  expect(credit.allows(1)).toBe(true);
});

test('the digest of a Blob is that of its bytes', async () => {
  const large = new Uint8Array(2_500_000).map((_, index) => index % 251);
  const source = blobSource(new Blob([large], { type: 'x/y' }), 'large');
  expect(source).toMatchObject({ name: 'large', size: large.length, type: 'x/y' });
  expect(await digestOf(source)).toBe(createHash('sha256').update(large).digest('hex'));
  expect(await digestOf(blobSource(new Blob([]), 'empty'))).toBe(createHash('sha256').digest('hex'));
});
