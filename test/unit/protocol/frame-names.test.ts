import { describe, expect, it } from 'vitest';
import {
  ALICE,
  BOB,
  DATA,
  dataWith,
  decode,
  EXCHANGE_KEY,
  exchange,
  frame,
  message,
  refusal,
  SIGNATURE,
} from '../../support/frames/frame-texts.ts';

/** A sound frame with one more member in data. */
const inData = (member: string) => frame(DATA.replace('{', `{${member},`));

describe('names', () => {
  const doubled = [
    ['data', `{"data":${DATA},"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['data, escaped', `{"data":${DATA},"d\\u0061ta":${DATA},"signature":"${SIGNATURE}"}`],
    ['signature', `{"signature":"${SIGNATURE}","data":${DATA},"signature":"${SIGNATURE}"}`],
    ['sender', frame(dataWith({ message: `{"type":"x"},"sender":"${ALICE}"` }))],
    ['recipient', frame(dataWith({ recipient: `"${BOB}","recipient":"${ALICE}"` }))],
    ['id', frame(dataWith({ id: '"a","id":"b"' }))],
    ['message', frame(dataWith({ message: '{"type":"x"},"message":{"type":"x"}' }))],
    ['type', frame(message('{"type":"x","type":"y"}'))],
    ['payload', frame(message('{"type":"x","payload":1,"payload":2}'))],
    ['a repeated name in payload', frame(message('{"type":"x","payload":{"a":[{"b":1,"b":1}]}}'))],
    ['a repeated name in the frame', `{"x":1,"x":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
  ];

  it.each(doubled)('may not stand twice: %s', (_, text) => {
    expect(refusal(text ?? '').reason).toBe('a name stands twice in one object');
  });

  it('report no id if the id stands twice', () => {
    expect(refusal(doubled[5]?.[1] ?? '').id).toBeNull();
  });

  it.each([
    ['in the frame', `{"__proto__":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['in data', inData('"__proto__":1')],
    ['in message', frame(message('{"type":"x","__proto__":1}'))],
    ['in payload', frame(message('{"type":"x","payload":[{"\\u005f_proto__":1}]}'))],
  ])('may not be __proto__: %s', (_, text) => {
    expect(refusal(text).reason).toBe('the name __proto__ is not allowed');
  });

  it.each([
    ['Data', `{"Data":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['SIGNATURE', `{"data":${DATA},"signature":"${SIGNATURE}","SIGNATURE":"x"}`],
    ['Sender', inData('"Sender":"x"')],
    ['\\u0053ender', inData('"\\u0053ender":"x"')],
    ['ſender, which Go reads as sender', inData('"\u017fender":"x"')],
    ['ıd, which Java reads as id', inData('"\u0131d":"x"')],
    ['İD, which Java reads as id', inData('"\u0130D":"x"')],
    ['Recipient', inData('"Recipient":"x"')],
    ['MESSAGE', inData('"MESSAGE":{}')],
    ['Type', frame(message('{"Type":"x","type":"x"}'))],
    ['Payload', frame(message('{"type":"x","Payload":1}'))],
  ])('may not differ from ours by case alone: %s', (_, text) => {
    expect(refusal(text).reason).toBe(
      'a name differs from one of the protocol only by case; write it in lower case',
    );
  });

  it.each(['ECDH_public_key', 'ecdh_public_\u212aey', 'NONCE', 'Audience'])(
    'may not differ from those of a key exchange by case: %s',
    (name) => {
      expect(refusal(exchange(`{${EXCHANGE_KEY},"${name}":1}`)).reason).toContain('only by case');
      expect(refusal(exchange(`{"${name}":1,${EXCHANGE_KEY}}`)).at).toContain(`"${name}`.slice(0, 12));
    },
  );

  it('may not differ from ack by case, by protocol 2', () => {
    expect(refusal('{"Ack":"1-1"}', 2).reason).toContain('only by case');
    expect(refusal('{"ac\u212a":"1-1"}', 2).reason).toContain('only by case');
    expect(decode(`{"Ack":1,"data":${DATA},"signature":"${SIGNATURE}"}`, 1).kind).toBe('envelope');
  });

  it('may be anything else', () => {
    for (const name of ['senders', 'sende', 'constructor', 'toString', 'data ', ' data', 'dаta', 'é', '']) {
      expect(decode(inData(`"${name}":1`)).kind, name).toBe('envelope');
      expect(decode(`{"${name}":1,"data":${DATA},"signature":"${SIGNATURE}"}`).kind, name).toBe('envelope');
    }
  });
});
