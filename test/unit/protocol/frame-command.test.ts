import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/protocol/frames/frame.ts';
import { ALICE, decode, frame, SIGNATURE } from '../../support/frames/frame-texts.ts';

const encoder = new TextEncoder();
const data = (recipient: string, id: string, rest: string) =>
  `{"sender":"${ALICE}","recipient":${recipient}${id},"message":{"type":"block"${rest}}}`;
const ID = ',"id":"c-1"';

describe('a command', () => {
  it('is an envelope of protocol 2 to `server`, whose payload is told by where it stands', () => {
    const text = frame(data('"server"', ID, ',"payload":{"code":"B0B0000"}'));
    const decoded = decode(text, 2);
    expect(decoded).toMatchObject({
      kind: 'command',
      sender: ALICE,
      id: 'c-1',
      verb: 'block',
      signature: SIGNATURE,
    });
    if (decoded.kind !== 'command') throw new Error(decoded.kind);
    const bytes = encoder.encode(text);
    const at = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to));
    expect(at(decoded.payloadStart, decoded.payloadEnd)).toBe('{"code":"B0B0000"}');
    expect(at(decoded.dataStart, decoded.dataEnd)).toBe(
      data('"server"', ID, ',"payload":{"code":"B0B0000"}'),
    );
  });

  it('may have no payload', () => {
    expect(decode(frame(data('"server"', ID, '')), 2)).toMatchObject({ payloadStart: 0, payloadEnd: 0 });
  });

  it('may write `server` with escapes, which every parser reads alike', () => {
    expect(decode(frame(data('"\\u0073erver"', ID, '')), 2)).toMatchObject({ kind: 'command' });
  });

  it.each([
    ['without an id', data('"server"', '', ''), 2, 'id is missing in data'],
    ['to SERVER', data('"SERVER"', ID, ''), 2, 'recipient must be a code'],
    ['to servers', data('"servers"', ID, ''), 2, 'recipient must be a code'],
    ['to serve', data('"serve"', ID, ''), 2, 'recipient must be a code'],
    ['by protocol 1', data('"server"', ID, ''), 1, 'recipient must be a code'],
    [
      'of a type of the relay itself',
      data('"server"', ID, '').replace('block', 'accepted'),
      2,
      'only the relay sends',
    ],
  ] as const)('is refused %s', (_, text, protocol, reason) => {
    expect(decodeFrame(encoder.encode(frame(text)), protocol)).toMatchObject({
      kind: 'malformed',
      reason: expect.stringContaining(reason),
    });
  });
});
