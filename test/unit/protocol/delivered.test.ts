import { describe, expect, it } from 'vitest';
import {
  cutData,
  DELIVERED_EXTRA_BYTES_MAX,
  DELIVERED_OVERHEAD_BYTES,
  seqBytes,
  writeDelivered,
  writeWithSeq,
} from '../../../src/protocol/frames/delivered.ts';
import { decodeFrame } from '../../../src/protocol/frames/frame.ts';
import { frame } from '../../../src/protocol/frames/relay-frames.ts';
import { DATA, SIGNATURE } from '../../support/frames/frame-texts.ts';

const encoder = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
const SEQ = '1742975138204489-a1b2c';

/** What the relay makes of a client's frame. */
function delivered(received: string): Uint8Array {
  const bytes = encoder.encode(received);
  const found = decodeFrame(bytes, 1);
  if (found.kind !== 'envelope') throw new Error(JSON.stringify(found));
  const target = new Uint8Array(found.dataEnd - found.dataStart + DELIVERED_OVERHEAD_BYTES);
  writeDelivered(target, bytes, found);
  return target;
}

function withSeq(frame: Uint8Array, tries = 1): Uint8Array {
  const target = new Uint8Array(frame.length + seqBytes(SEQ, tries));
  writeWithSeq(target, frame, SEQ, tries);
  return target;
}

const SPACED = DATA.replaceAll(',', ' ,\n').replace('"x"', '"x","payload":"é\u{1f600} \\u00e9 1.0"');

describe('a delivered frame', () => {
  it.each([
    ['as a client writes it', frame(DATA, SIGNATURE)],
    ['with strangers beside data', `{"a":1,"data":${DATA},"b":{"data":2},"signature":"${SIGNATURE}","c":[]}`],
    ['signature first, in capitals', ` {"signature" : "${SIGNATURE.toUpperCase()}" , "data":\t${DATA} }\n`],
  ])('is exactly data and signature, whatever was around them: %s', (_, received) => {
    expect(text(delivered(received))).toBe(`{"data":${DATA},"signature":"${SIGNATURE}"}`);
  });

  it('carries the bytes that were signed', () => {
    expect(text(delivered(frame(SPACED, SIGNATURE)))).toBe(`{"data":${SPACED},"signature":"${SIGNATURE}"}`);
  });

  it('carries its seq before the last brace, by protocol 2', () => {
    expect(text(withSeq(delivered(frame(SPACED, SIGNATURE))))).toBe(
      `{"data":${SPACED},"signature":"${SIGNATURE}","seq":"${SEQ}"}`,
    );
  });

  it('tells behind the seq which try it is, from the second on', () => {
    const plain = delivered(frame(SPACED, SIGNATURE));
    expect(text(withSeq(plain, 2))).toBe(
      `{"data":${SPACED},"signature":"${SIGNATURE}","seq":"${SEQ}","tries":2}`,
    );
    const cut = cutData(withSeq(plain, 12));
    expect(cut).toMatchObject({ signature: SIGNATURE, seq: SEQ, tries: 12 });
    expect(text(cut?.data ?? new Uint8Array())).toBe(SPACED);
    expect(cutData(withSeq(plain))).toMatchObject({ tries: 1 });
  });

  it('is longer by protocol 2 by at most what the relay announces to clients', () => {
    const longestId = `${'9'.repeat(16)}-${'9'.repeat(10)}`;
    expect(seqBytes(longestId, 999_999_999)).toBeLessThanOrEqual(DELIVERED_EXTRA_BYTES_MAX);
  });

  it('is cut by position into data, signature and seq', () => {
    const plain = delivered(frame(SPACED, SIGNATURE));
    const cut = cutData(plain);
    expect(cut).toMatchObject({ signature: SIGNATURE, seq: null });
    expect(text(cut?.data ?? new Uint8Array())).toBe(SPACED);
    const cutWithSeq = cutData(withSeq(plain));
    expect(cutWithSeq).toMatchObject({ signature: SIGNATURE, seq: SEQ });
    expect(text(cutWithSeq?.data ?? new Uint8Array())).toBe(SPACED);
  });

  it('is cut correctly even if data ends like a frame', () => {
    const nasty = `{"sender":"A11CE00","x":{"signature":"${SIGNATURE}","seq":"1-1"}}`;
    expect(text(cutData(encoder.encode(frame(nasty, SIGNATURE)))?.data ?? new Uint8Array())).toBe(nasty);
  });

  const sound = frame(DATA, SIGNATURE);
  it.each([
    ['nothing', ''],
    ['a brace', '{'],
    ['the beginning alone', '{"data":'],
    ['beginning and end alone', '{"data":"}'],
    ['a frame of the relay', '{"data":{"sender":"server","message":{"type":"drained"}}}'],
    ['space in front', ` ${sound}`],
    ['space behind', `${sound}\n`],
    ['space within', sound.replace('"data":', '"data": ')],
    ['space before the signature', sound.replace(',"signature":', ', "signature":')],
    ['tries without a seq', `${sound.slice(0, -1)},"tries":2}`],
    ['an unknown name at the end', `${sound.slice(0, -1)},"x":"y"}`],
    ['a number behind', `${sound.slice(0, -1)},"x":1}`],
    ['a seq that is no string', `${sound.slice(0, -1)},"seq":1}`],
    [
      'a seq before the signature',
      `{"data":${DATA},"seq":"1-1","signature":"${SIGNATURE}"}`.replace('}},', '}},"x":{"},'),
    ],
    ['a short signature', frame(DATA, SIGNATURE.slice(2))],
    ['a long signature', frame(DATA, `${SIGNATURE}00`)],
    ['a signature in capitals', frame(DATA, SIGNATURE.toUpperCase())],
    ['a signature that is no hex', frame(DATA, SIGNATURE.replace('f', 'g'))],
    ['a seq with an escape', `${sound.slice(0, -1)},"seq":"1\\u002d1"}`],
    ['data that is no object', frame('"relay-register:ab:cd"', SIGNATURE)],
    ['data that is a registration', frame('relay-register:ab:cd', SIGNATURE)],
    ['empty data', frame('', SIGNATURE)],
    ['no data', `{"data":"signature":"${SIGNATURE}"}`],
  ])('is not cut if it has another form: %s', (_, other) => {
    expect(cutData(encoder.encode(other))).toBeNull();
  });

  it('is not cut if its seq is not plain text', () => {
    const bytes = withSeq(delivered(sound));
    bytes[bytes.length - 4] = 0xff;
    expect(cutData(bytes)).toBeNull();
  });

  it('is a view: nothing is copied', () => {
    const bytes = encoder.encode(sound);
    expect(cutData(bytes)?.data.buffer).toBe(bytes.buffer);
  });
});
