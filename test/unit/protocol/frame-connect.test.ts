import { describe, expect, it } from 'vitest';
import {
  ALICE,
  BOB,
  dataWith,
  decode,
  frame,
  message,
  refusal,
  SIGNATURE,
} from '../../support/frames/frame-texts.ts';

const NONCE = 'ab'.repeat(32);
const NONCE_MEMBER = `"nonce":"${NONCE}"`;
const BOTH = 'exactly nonce and audience';
const connect = (members: Readonly<Record<string, string>> = {}) =>
  dataWith({ recipient: null, message: '{"type":"connect"}', ...members });
const CONNECT = connect();
const connect2 = (payload: string) => frame(connect({ message: `{"type":"connect","payload":${payload}}` }));

describe('a connect of protocol 1', () => {
  it('is read as the protocol prints it', () => {
    expect(decode(frame(CONNECT))).toEqual({
      kind: 'connect',
      sender: ALICE,
      dataStart: 8,
      dataEnd: 8 + CONNECT.length,
      signature: SIGNATURE,
      challenge: null,
    });
  });

  it.each([
    ['a recipient', frame(connect({ recipient: `"${BOB}"` })), 'the data of'],
    ['an id', frame(connect({ id: '"x"' })), 'the data of'],
    ['an unknown name in data', frame(connect({ x: '1' })), 'the data of'],
    ['a payload', connect2('{}'), 'the message of'],
    ['the payload of protocol 2', connect2(`{${NONCE_MEMBER},"audience":null}`), 'the message of'],
    ['an unknown name in message', frame(connect({ message: '{"type":"connect","x":1}' })), 'the message of'],
    [
      'an unknown name in the frame',
      `{"data":${CONNECT},"signature":"${SIGNATURE}","x":1}`,
      'a connect frame',
    ],
    ['an ack in the frame', `{"data":${CONNECT},"signature":"${SIGNATURE}","ack":"1-1"}`, 'a connect frame'],
  ])('has exactly its members, so it is refused with %s', (_, text, reason) => {
    expect(refusal(text).reason).toContain(reason);
  });
});

describe('a connect of protocol 2', () => {
  it.each([
    [`"wss://relay.example/ws"`, 'wss://relay.example/ws'],
    ['null', null],
    ['"\\u0077s://x"', 'ws://x'],
  ])('answers the challenge, audience %s', (json, audience) => {
    const decoded = decode(connect2(`{${NONCE_MEMBER},"audience":${json}}`), 2);
    expect(decoded).toMatchObject({ kind: 'connect', sender: ALICE, challenge: { nonce: NONCE, audience } });
  });

  it.each([
    ['no payload', frame(CONNECT), 'payload is missing in message'],
    ['a payload that is no object', connect2('"x"'), BOTH],
    ['an array as payload', connect2('[]'), BOTH],
    ['an empty payload', connect2('{}'), BOTH],
    ['no audience', connect2(`{${NONCE_MEMBER}}`), BOTH],
    [
      'an unknown name instead of the audience',
      connect2(`{${NONCE_MEMBER},"x":null}`),
      'audience is missing in payload',
    ],
    [
      'an unknown name instead of the nonce',
      connect2('{"x":"","audience":null}'),
      'nonce is missing in payload',
    ],
    ['an unknown name besides', connect2(`{${NONCE_MEMBER},"audience":null,"x":1}`), BOTH],
    ['a nonce that is no string', connect2('{"nonce":1,"audience":null}'), 'nonce must be a string'],
    [
      'an audience that is neither',
      connect2(`{${NONCE_MEMBER},"audience":1}`),
      'audience must be a string or null',
    ],
    [
      'a recipient',
      frame(connect({ recipient: `"${BOB}"`, message: '{"type":"connect","payload":{}}' })),
      'the data of',
    ],
    [
      'an unknown name in message',
      frame(connect({ message: '{"type":"connect","payload":{},"x":1}' })),
      'the message of',
    ],
  ])('has exactly its members, so it is refused with %s', (_, text, reason) => {
    expect(refusal(text, 2).reason).toContain(reason);
  });
});

describe('a skip', () => {
  it('names one envelope, and stands alone, by protocol 2', () => {
    expect(decode('{"skip":"1-1"}', 2)).toEqual({ kind: 'skip', seq: '1-1' });
    expect(refusal('{"skip":1}', 2)).toMatchObject({ reason: 'skip must be a string' });
    expect(refusal('{"skip":"1-1","x":1}', 2).reason).toBe(
      'a skip stands alone in its frame: {"skip":"<seq>"}',
    );
    expect(refusal('{"ack":"1-1","skip":"1-1"}', 2).reason).toContain('an ack stands alone');
    expect(refusal('{"skip":"1-1"}', 1)).toMatchObject({ reason: 'data is missing in the frame' });
  });
});

describe('an ack', () => {
  it.each(['1700000000000000-a1b2c', '', 'é', '$', 'x'.repeat(1000)])(
    'is whatever string the client wrote: %s',
    (seq) => {
      expect(decode(JSON.stringify({ ack: seq }), 2)).toEqual({ kind: 'ack', seq });
      expect(decode(` { "\\u0061ck" : ${JSON.stringify(seq)} } `, 2)).toEqual({ kind: 'ack', seq });
    },
  );

  it('belongs to protocol 2', () => {
    expect(refusal('{"ack":"1-1"}', 1)).toMatchObject({ reason: 'data is missing in the frame' });
  });

  it.each(['1', 'null', '["1-1"]', '{}', 'true'])('must be a string, not %s', (value) => {
    expect(refusal(`{"ack":${value}}`, 2)).toMatchObject({ reason: 'ack must be a string', at: `${value}}` });
  });

  it.each([
    ['an envelope', `{"ack":"1-1","data":${message('{"type":"x"}')},"signature":"${SIGNATURE}"}`],
    ['an unknown name', '{"ack":"1-1","x":1}'],
  ])('stands alone, so it is refused beside %s', (_, text) => {
    expect(refusal(text, 2).reason).toBe('an ack stands alone in its frame: {"ack":"<seq>"}');
  });

  it('is ignored like any unknown member in an envelope of protocol 1', () => {
    const text = `{"ack":"1-1","data":${message('{"type":"x"}')},"signature":"${SIGNATURE}"}`;
    expect(decode(text, 1).kind).toBe('envelope');
  });
});
