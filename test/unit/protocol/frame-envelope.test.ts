import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/protocol/frames/frame.ts';
import {
  ALICE,
  BOB,
  dataWith,
  decode,
  EXCHANGE_KEY,
  exchange,
  frame,
  KEY,
  message,
  refusal,
  SIGNATURE,
} from '../../support/frames/frame-texts.ts';

const keyed = (key: string) => exchange(`{"ecdh_public_key":"${key}"}`);

const encoder = new TextEncoder();

describe('an envelope', () => {
  it('is read as the protocol prints it', () => {
    const data = message('{"type":"message","payload":{"ciphertext":"…"}}');
    expect(decode(frame(data))).toEqual({
      kind: 'envelope',
      sender: ALICE,
      recipient: BOB,
      id: null,
      type: 'message',
      dataStart: 8,
      dataEnd: 8 + encoder.encode(data).length,
      signature: SIGNATURE,
    });
  });

  it.each<[what: string, data: string, before?: string, behind?: string]>([
    [
      'spaces inside and outside',
      `{ "sender" : "${ALICE}" , "recipient":"${BOB}","message":{"type":"x"}\n}`,
      ' {\n"data" :\t',
      ' , ',
    ],
    ['numbers of any form', message('{"type":"x","payload":[1.0,1e2,-0,1e400,9007199254740993]}')],
    ['characters beyond ASCII', message('{"type":"x","payload":"é\u{1f600}\ufeff\\u0000\\ud83d\\ude00"}')],
    [
      'strangers in data and message',
      `{"x":{},"sender":"${ALICE}","recipient":"${BOB}","message":{"y":[],"type":"x"}}`,
      '{"é":1,"data":',
    ],
    ['braces and quotes in strings', message('{"type":"x","payload":"}\\"}{,\\"signature\\":"}')],
    [
      'another order of members',
      `{"message":{"payload":1,"type":"x"},"recipient":"${BOB}","sender":"${ALICE}"}`,
    ],
  ])('is passed on byte for byte: %s', (_, data, before = '{"data":', behind = ',') => {
    const text = `${before}${data}${behind}"signature":"${SIGNATURE}"}`;
    const bytes = encoder.encode(text);
    const decoded = decodeFrame(bytes, 1);
    if (decoded.kind !== 'envelope') throw new Error(JSON.stringify(decoded));
    expect(new TextDecoder().decode(bytes.subarray(decoded.dataStart, decoded.dataEnd))).toBe(data);
    expect(decoded).toMatchObject({ sender: ALICE, recipient: BOB, type: 'x' });
  });

  it('may have its signature first, and unknown members beside it', () => {
    const data = message('{"type":"x"}');
    const text = `{"signature":"${SIGNATURE}","trace":{"a":[1]},"data":${data},"Trace":1}`;
    const decoded = decode(text);
    expect(decoded).toMatchObject({ kind: 'envelope', signature: SIGNATURE });
    expect(decoded).toMatchObject({
      dataStart: text.indexOf(data),
      dataEnd: text.indexOf(data) + data.length,
    });
  });

  it('may have a signature in either case, which becomes lower case', () => {
    const text = `{"data":${message('{"type":"x"}')},"signature":"${SIGNATURE.toUpperCase()}"}`;
    expect(decode(text)).toMatchObject({ signature: SIGNATURE });
  });

  it('may write any string with escapes, with the same meaning', () => {
    const escaped = (text: string) =>
      [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    const member = (name: string, value: string) => `"${escaped(name)}":"${escaped(value)}"`;
    const data = `{${member('sender', ALICE)},${member('recipient', BOB)},${member('id', 'a-Z_9')},"message":{${member('type', 'receipt')}}}`;
    expect(decode(`{"data":${data},${member('signature', SIGNATURE)}}`)).toMatchObject({
      kind: 'envelope',
      sender: ALICE,
      recipient: BOB,
      id: 'a-Z_9',
      type: 'receipt',
      signature: SIGNATURE,
    });
  });

  it('may be addressed to its sender', () => {
    expect(decode(frame(dataWith({ recipient: `"${ALICE}"` })))).toMatchObject({
      sender: ALICE,
      recipient: ALICE,
    });
  });

  it.each(['null', '0', '"x"', '[]', '[[1]]', '{}', 'true'])('may have any payload: %s', (payload) => {
    expect(decode(frame(message(`{"type":"x","payload":${payload}}`))).kind).toBe('envelope');
  });

  it('may have known members in other places, where they mean nothing', () => {
    const inner =
      '{"data":1,"signature":2,"sender":3,"recipient":{},"id":[],"type":4,"ack":5,"ecdh_public_key":6}';
    expect(decode(frame(message(`{"type":"x","payload":${inner},"sender":1,"id":2}`))).kind).toBe('envelope');
    expect(decode(frame(message(`{"type":"x","payload":{"Nonce":1,"ECDH_public_key":2}}`))).kind).toBe(
      'envelope',
    );
  });

  it.each(['a', '0', '-', '_', 'A-Za-z0-9_', 'x'.repeat(64)])('may have an id: %s', (id) => {
    expect(decode(frame(dataWith({ id: `"${id}"` })))).toMatchObject({ id });
  });

  it.each(['a', 'webrtc_offer', 'x9', 'key_exchange_', `a${'_'.repeat(31)}`])(
    'may be of any type of the peers: %s',
    (type) => {
      expect(decode(frame(message(`{"type":"${type}"}`)))).toMatchObject({ type });
    },
  );
});

describe('a key exchange', () => {
  it.each(['key_exchange', 'key_exchange_ack'])('carries a usable key: %s', (type) => {
    for (const key of [KEY, KEY.toUpperCase()]) {
      const text = frame(
        message(`{"payload":{"in_reply_to":"x","ecdh_public_key":"${key}"},"type":"${type}"}`),
      );
      expect(decode(text)).toMatchObject({ kind: 'envelope', type });
    }
    expect(refusal(frame(message(`{"type":"${type}","payload":{}}`)))).toMatchObject({
      reason: 'ecdh_public_key is missing in payload',
    });
  });

  it.each([
    ['no payload', frame(message('{"type":"key_exchange"}')), 'payload is missing in message'],
    ['null as payload', exchange('null'), 'the payload of a key exchange must be an object'],
    ['an array as payload', exchange(`["${KEY}"]`), 'the payload of a key exchange must be an object'],
    ['a key that is no string', exchange('{"ecdh_public_key":1}'), 'ecdh_public_key must be a string'],
    ['a key of 31 bytes', keyed(KEY.slice(2)), 'ecdh_public_key must be 64 hex digits'],
    ['a key that is no hex', keyed('xy'.repeat(32)), 'ecdh_public_key must be 64 hex'],
    ['a key of zeros', keyed('00'.repeat(32)), 'ecdh_public_key is of small order'],
    ['a key not canonical', keyed('ff'.repeat(32)), 'ecdh_public_key is not canonical'],
    [
      'a key one level too deep',
      exchange(`{"x":{${EXCHANGE_KEY}}}`),
      'ecdh_public_key is missing in payload',
    ],
  ])('is refused with %s', (_, text, reason) => {
    expect(refusal(text).reason).toContain(reason);
  });
});
