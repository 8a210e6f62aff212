import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../src/protocol/frame.ts';
import { RELAY_TYPES } from '../../src/protocol/message-types.ts';

const ALICE = 'A11CE00';
const BOB = 'B0B0000';
const SIGNATURE = '0123456789abcdef'.repeat(8);
const KEY = 'c0ffee'.repeat(10).padEnd(64, '0');
const NONCE = 'ab'.repeat(32);

const encoder = new TextEncoder();
const decode = (text: string, protocol: 1 | 2 = 1) => decodeFrame(encoder.encode(text), protocol);
const frame = (data: string) => `{"data":${data},"signature":"${SIGNATURE}"}`;
const message = (inner: string) => `{"sender":"${ALICE}","recipient":"${BOB}","message":${inner}}`;
const exchange = (payload: string) => frame(message(`{"type":"key_exchange","payload":${payload}}`));

const CONNECT = `{"sender":"${ALICE}","message":{"type":"connect"}}`;
const connect2 = (payload: string) =>
  frame(`{"sender":"${ALICE}","message":{"type":"connect","payload":${payload}}}`);

/** Where in the text the refusal points: what stands there. */
function refusal(text: string, protocol: 1 | 2 = 1) {
  const decoded = decode(text, protocol);
  if (decoded.kind !== 'malformed') throw new Error(`accepted as ${decoded.kind}: ${text}`);
  const rest = new TextDecoder().decode(encoder.encode(text).subarray(decoded.offset));
  return { reason: decoded.reason, at: rest.slice(0, 12), id: decoded.id };
}

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
    [
      'a recipient',
      frame(`{"sender":"${ALICE}","recipient":"${BOB}","message":{"type":"connect"}}`),
      'the data of',
    ],
    ['an id', frame(`{"sender":"${ALICE}","id":"x","message":{"type":"connect"}}`), 'the data of'],
    ['a stranger in data', frame(`{"sender":"${ALICE}","message":{"type":"connect"},"x":1}`), 'the data of'],
    ['a payload', connect2('{}'), 'the message of'],
    ['the payload of protocol 2', connect2(`{"nonce":"${NONCE}","audience":null}`), 'the message of'],
    [
      'a stranger in message',
      frame(`{"sender":"${ALICE}","message":{"type":"connect","x":1}}`),
      'the message of',
    ],
    ['a stranger in the frame', `{"data":${CONNECT},"signature":"${SIGNATURE}","x":1}`, 'a connect frame'],
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
    const decoded = decode(connect2(`{"nonce":"${NONCE}","audience":${json}}`), 2);
    expect(decoded).toMatchObject({ kind: 'connect', sender: ALICE, challenge: { nonce: NONCE, audience } });
  });

  it.each([
    ['no payload', frame(CONNECT), 'payload is missing in message'],
    ['a payload that is no object', connect2('"x"'), 'exactly nonce and audience'],
    ['an array as payload', connect2('[]'), 'exactly nonce and audience'],
    ['an empty payload', connect2('{}'), 'exactly nonce and audience'],
    ['no audience', connect2(`{"nonce":"${NONCE}"}`), 'exactly nonce and audience'],
    [
      'a stranger instead of the audience',
      connect2(`{"nonce":"${NONCE}","x":null}`),
      'audience is missing in payload',
    ],
    ['a stranger instead of the nonce', connect2('{"x":"","audience":null}'), 'nonce is missing in payload'],
    [
      'a stranger besides',
      connect2(`{"nonce":"${NONCE}","audience":null,"x":1}`),
      'exactly nonce and audience',
    ],
    ['a nonce that is no string', connect2('{"nonce":1,"audience":null}'), 'nonce must be a string'],
    [
      'an audience that is neither',
      connect2(`{"nonce":"${NONCE}","audience":1}`),
      'audience must be a string or null',
    ],
    [
      'a recipient',
      frame(`{"sender":"${ALICE}","recipient":"${BOB}","message":{"type":"connect","payload":{}}}`),
      'the data of',
    ],
    [
      'a stranger in message',
      frame(`{"sender":"${ALICE}","message":{"type":"connect","payload":{},"x":1}}`),
      'the message of',
    ],
  ])('has exactly its members, so it is refused with %s', (_, text, reason) => {
    expect(refusal(text, 2).reason).toContain(reason);
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
    ['a stranger', '{"ack":"1-1","x":1}'],
  ])('stands alone, so it is refused beside %s', (_, text) => {
    expect(refusal(text, 2).reason).toBe('an ack stands alone in its frame: {"ack":"<seq>"}');
  });

  it('is dropped like any stranger from an envelope of protocol 1', () => {
    const text = `{"ack":"1-1","data":${message('{"type":"x"}')},"signature":"${SIGNATURE}"}`;
    expect(decode(text, 1).kind).toBe('envelope');
  });
});

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

  it.each([
    [
      'spaces inside and outside',
      ' {\n"data" :\t',
      `{ "sender" : "${ALICE}" , "recipient":"${BOB}","message":{"type":"x"}\n}`,
      ' , ',
    ],
    [
      'numbers of any form',
      '{"data":',
      message('{"type":"x","payload":[1.0,1e2,-0,1e400,9007199254740993]}'),
      ',',
    ],
    [
      'characters beyond ASCII',
      '{"data":',
      message('{"type":"x","payload":"é\u{1f600}\ufeff\\u0000\\ud83d\\ude00"}'),
      ',',
    ],
    [
      'strangers in data and message',
      '{"é":1,"data":',
      `{"x":{},"sender":"${ALICE}","recipient":"${BOB}","message":{"y":[],"type":"x"}}`,
      ',',
    ],
    [
      'braces and quotes in strings',
      '{"data":',
      message('{"type":"x","payload":"}\\"}{,\\"signature\\":"}'),
      ',',
    ],
    [
      'another order of members',
      '{"data":',
      `{"message":{"payload":1,"type":"x"},"recipient":"${BOB}","sender":"${ALICE}"}`,
      ',',
    ],
  ])('is passed on byte for byte: %s', (_, before, data, behind) => {
    const text = `${before}${data}${behind}"signature":"${SIGNATURE}"}`;
    const bytes = encoder.encode(text);
    const decoded = decodeFrame(bytes, 1);
    if (decoded.kind !== 'envelope') throw new Error(JSON.stringify(decoded));
    expect(new TextDecoder().decode(bytes.subarray(decoded.dataStart, decoded.dataEnd))).toBe(data);
    expect(decoded).toMatchObject({ sender: ALICE, recipient: BOB, type: 'x' });
  });

  it('may have its signature first, and strangers beside it', () => {
    const data = message('{"type":"x"}');
    const text = `{"signature":"${SIGNATURE}","trace":{"a":[1]},"data":${data},"Trace":1}`;
    const decoded = decode(text);
    expect(decoded).toMatchObject({ kind: 'envelope', signature: SIGNATURE });
    expect(decoded).toMatchObject({
      dataStart: text.indexOf(data),
      dataEnd: text.indexOf(data) + data.length,
    });
  });

  it('has a signature in either case, handed on in lower case', () => {
    const text = `{"data":${message('{"type":"x"}')},"signature":"${SIGNATURE.toUpperCase()}"}`;
    expect(decode(text)).toMatchObject({ signature: SIGNATURE });
  });

  it('may write any of its strings with escapes, which mean the same', () => {
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

  it('may go to oneself', () => {
    const data = `{"sender":"${ALICE}","recipient":"${ALICE}","message":{"type":"x"}}`;
    expect(decode(frame(data))).toMatchObject({ sender: ALICE, recipient: ALICE });
  });

  it.each(['null', '0', '"x"', '[]', '[[1]]', '{}', 'true'])('may have any payload: %s', (payload) => {
    expect(decode(frame(message(`{"type":"x","payload":${payload}}`))).kind).toBe('envelope');
  });

  it('may have members of ours in other places, where they are strangers', () => {
    const inner =
      '{"data":1,"signature":2,"sender":3,"recipient":{},"id":[],"type":4,"ack":5,"ecdh_public_key":6}';
    expect(decode(frame(message(`{"type":"x","payload":${inner},"sender":1,"id":2}`))).kind).toBe('envelope');
    expect(decode(frame(message(`{"type":"x","payload":{"Nonce":1,"ECDH_public_key":2}}`))).kind).toBe(
      'envelope',
    );
  });

  it.each(['a', '0', '-', '_', 'A-Za-z0-9_', 'x'.repeat(64)])('may have an id: %s', (id) => {
    const data = `{"sender":"${ALICE}","recipient":"${BOB}","id":"${id}","message":{"type":"x"}}`;
    expect(decode(frame(data))).toMatchObject({ id });
  });

  it.each(['a', 'webrtc_offer', 'x9', 'key_exchange_', `a${'_'.repeat(31)}`])(
    'may be of any type of the peers: %s',
    (type) => {
      expect(decode(frame(message(`{"type":"${type}"}`)))).toMatchObject({ type });
    },
  );
});

const DATA = message('{"type":"x"}');
const MISSING: [what: string, text: string, reason: string, at: string][] = [
  ['data', `{"signature":"${SIGNATURE}"}`, 'data is missing in the frame', '{"signature"'],
  ['everything', '{}', 'data is missing in the frame', '{}'],
  ['signature', `{"data":${DATA}}`, 'signature is missing in the frame', '{"data":{"se'],
  [
    'sender',
    frame(`{"recipient":"${BOB}","message":{"type":"x"}}`),
    'sender is missing in data',
    '{"recipient"',
  ],
  [
    'recipient',
    frame(`{"sender":"${ALICE}","message":{"type":"x"}}`),
    'recipient is missing in data',
    '{"sender":"A',
  ],
  [
    'message',
    frame(`{"sender":"${ALICE}","recipient":"${BOB}"}`),
    'message is missing in data',
    '{"sender":"A',
  ],
  ['type', frame(message('{"payload":1}')), 'type is missing in message', '{"payload":1'],
];

const CODE_MUST = 'must be a code: 7 characters of 0-9 and A-Z without I, L, O and U';
const WRONG: [what: string, text: string, reason: string, at: string][] = [
  ['an array as frame', '[]', 'a frame must be an object', '[]'],
  ['a string as frame', '"x"', 'a frame must be an object', '"x"'],
  ['null as frame', 'null', 'a frame must be an object', 'null'],
  ['a number as frame', ' 1', 'a frame must be an object', '1'],
  ['server as sender', frame(DATA.replace(ALICE, 'server')), `sender ${CODE_MUST}`, '"server","re'],
  ['server as recipient', frame(DATA.replace(BOB, 'server')), `recipient ${CODE_MUST}`, '"server","me'],
  ['a code in lower case', frame(DATA.replace(BOB, 'b0b0000')), `recipient ${CODE_MUST}`, '"b0b0000","m'],
  ['a code with O', frame(DATA.replace(BOB, 'BOB0000')), `recipient ${CODE_MUST}`, '"BOB0000","m'],
  ['a code with I', frame(DATA.replace(BOB, 'I000000')), `recipient ${CODE_MUST}`, '"I000000","m'],
  ['a code with U', frame(DATA.replace(BOB, 'U000000')), `recipient ${CODE_MUST}`, '"U000000","m'],
  ['a code of 6', frame(DATA.replace(BOB, 'B0B000')), `recipient ${CODE_MUST}`, '"B0B000","me'],
  ['a code of 8', frame(DATA.replace(BOB, 'B0B00000')), `recipient ${CODE_MUST}`, '"B0B00000","'],
  ['an empty code', frame(DATA.replace(BOB, '')), `recipient ${CODE_MUST}`, '"","message"'],
  [
    'a code with a line feed',
    frame(DATA.replace(BOB, 'B0B0000\\n')),
    `recipient ${CODE_MUST}`,
    '"B0B0000\\n",',
  ],
  ['a code with a brace', frame(DATA.replace(BOB, 'B0B{000')), `recipient ${CODE_MUST}`, '"B0B{000","m'],
  ['a code with NUL', frame(DATA.replace(BOB, 'B0B000\\u0000')), `recipient ${CODE_MUST}`, '"B0B000\\u000'],
  [
    'a look-alike letter (Cyrillic В)',
    frame(DATA.replace(BOB, '\u04120B0000')),
    `recipient ${CODE_MUST}`,
    '"\u04120B0000","m',
  ],
  [
    'a code of a megabyte',
    frame(DATA.replace(BOB, 'B'.repeat(1_000_000))),
    `recipient ${CODE_MUST}`,
    '"BBBBBBBBBBB',
  ],
  [
    'a short signature',
    `{"data":${DATA},"signature":"${SIGNATURE.slice(2)}"}`,
    'signature must be 128 hex digits (64 bytes)',
    '"23456789abc',
  ],
  [
    'a long signature',
    `{"data":${DATA},"signature":"${SIGNATURE}00"}`,
    'signature must be 128 hex digits (64 bytes)',
    '"0123456789a',
  ],
  [
    'a signature that is no hex',
    `{"data":${DATA},"signature":"${SIGNATURE.replace('f', 'g')}"}`,
    'signature must be 128 hex digits (64 bytes)',
    '"0123456789a',
  ],
  [
    'an empty id',
    frame(DATA.replace('"message"', '"id":"","message"')),
    'id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -',
    '"","message"',
  ],
  [
    'an id of 65',
    frame(DATA.replace('"message"', `"id":"${'x'.repeat(65)}","message"`)),
    'id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -',
    '"xxxxxxxxxxx',
  ],
  [
    'an id with a dot',
    frame(DATA.replace('"message"', '"id":"a.b","message"')),
    'id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -',
    '"a.b","messa',
  ],
  [
    'an id with CRLF',
    frame(DATA.replace('"message"', '"id":"a\\r\\n","message"')),
    'id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -',
    '"a\\r\\n","mes',
  ],
  [
    'an empty type',
    frame(message('{"type":""}')),
    'type must be a letter a-z and at most 31 more characters of a-z, 0-9 and _',
    '""}},"signat',
  ],
  [
    'a type in capitals',
    frame(message('{"type":"Message"}')),
    'type must be a letter a-z and at most 31 more characters of a-z, 0-9 and _',
    '"Message"}},',
  ],
  [
    'a type that begins with a digit',
    frame(message('{"type":"1x"}')),
    'type must be a letter a-z and at most 31 more characters of a-z, 0-9 and _',
    '"1x"}},"sign',
  ],
  [
    'a type of 33',
    frame(message(`{"type":"${'x'.repeat(33)}"}`)),
    'type must be a letter a-z and at most 31 more characters of a-z, 0-9 and _',
    '"xxxxxxxxxxx',
  ],
];

describe('a frame is refused', () => {
  it.each(MISSING)('without %s', (_, text, reason, at) => {
    expect(refusal(text)).toMatchObject({ reason, at });
  });

  it.each(WRONG)('with %s', (_, text, reason, at) => {
    expect(refusal(text)).toMatchObject({ reason, at });
  });

  const STRINGS = ['sender', 'recipient', 'id', 'type', 'signature'];
  const OBJECTS = ['data', 'message'];
  const VALUES: [json: string, kind: string][] = [
    ['null', 'null'],
    ['[]', 'array'],
    ['{}', 'object'],
    ['1', 'number'],
    ['true', 'boolean'],
    ['"x"', 'string'],
  ];
  const members: Record<string, (value: string) => string> = {
    data: (value) => `{"data":${value},"signature":"${SIGNATURE}"}`,
    signature: (value) => `{"data":${DATA},"signature":${value}}`,
    sender: (value) => frame(`{"sender":${value},"recipient":"${BOB}","message":{"type":"x"}}`),
    recipient: (value) => frame(`{"sender":"${ALICE}","recipient":${value},"message":{"type":"x"}}`),
    id: (value) => frame(`{"sender":"${ALICE}","recipient":"${BOB}","id":${value},"message":{"type":"x"}}`),
    message: (value) => frame(`{"sender":"${ALICE}","recipient":"${BOB}","message":${value}}`),
    type: (value) => frame(message(`{"type":${value}}`)),
  };
  const wrongKinds = Object.keys(members).flatMap((name) =>
    VALUES.filter(([, kind]) => kind !== (STRINGS.includes(name) ? 'string' : 'object')).map(
      ([json, kind]) => [name, kind, json] as const,
    ),
  );

  it.each(wrongKinds)('if %s is of kind %s', (name, _, json) => {
    const reason = OBJECTS.includes(name) ? `${name} must be an object` : `${name} must be a string`;
    const answer = refusal(members[name]?.(json) ?? '');
    expect(answer.reason).toBe(reason);
    expect(answer.at.startsWith(json)).toBe(true);
  });

  it.each(RELAY_TYPES)('if it is of the type %s, which is the own of the relay', (type) => {
    expect(refusal(frame(message(`{"type":"${type}"}`)))).toMatchObject({
      reason: 'only the relay sends connect_ack, challenge, accepted, error, drained',
    });
  });
});

describe('names', () => {
  const doubled = [
    ['data', `{"data":${DATA},"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['data, escaped', `{"data":${DATA},"d\\u0061ta":${DATA},"signature":"${SIGNATURE}"}`],
    ['signature', `{"signature":"${SIGNATURE}","data":${DATA},"signature":"${SIGNATURE}"}`],
    [
      'sender',
      frame(`{"sender":"${ALICE}","recipient":"${BOB}","message":{"type":"x"},"sender":"${ALICE}"}`),
    ],
    [
      'recipient',
      frame(`{"sender":"${ALICE}","recipient":"${BOB}","recipient":"${ALICE}","message":{"type":"x"}}`),
    ],
    ['id', frame(`{"sender":"${ALICE}","recipient":"${BOB}","id":"a","id":"b","message":{"type":"x"}}`)],
    [
      'message',
      frame(`{"sender":"${ALICE}","recipient":"${BOB}","message":{"type":"x"},"message":{"type":"x"}}`),
    ],
    ['type', frame(message('{"type":"x","type":"y"}'))],
    ['payload', frame(message('{"type":"x","payload":1,"payload":2}'))],
    ['a stranger in payload', frame(message('{"type":"x","payload":{"a":[{"b":1,"b":1}]}}'))],
    ['a stranger in the frame', `{"x":1,"x":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
  ];

  it.each(doubled)('may not stand twice: %s', (_, text) => {
    expect(refusal(text ?? '').reason).toBe('a name stands twice in one object');
  });

  it('tell no id if the id stands twice', () => {
    expect(refusal(doubled[5]?.[1] ?? '').id).toBeNull();
  });

  it.each([
    ['in the frame', `{"__proto__":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['in data', frame(DATA.replace('{', '{"__proto__":1,'))],
    ['in message', frame(message('{"type":"x","__proto__":1}'))],
    ['in payload', frame(message('{"type":"x","payload":[{"\\u005f_proto__":1}]}'))],
  ])('may not be __proto__: %s', (_, text) => {
    expect(refusal(text).reason).toBe('the name __proto__ is not allowed');
  });

  it.each([
    ['Data', `{"Data":1,"data":${DATA},"signature":"${SIGNATURE}"}`],
    ['SIGNATURE', `{"data":${DATA},"signature":"${SIGNATURE}","SIGNATURE":"x"}`],
    ['Sender', frame(DATA.replace('{', '{"Sender":"x",'))],
    ['\\u0053ender', frame(DATA.replace('{', '{"\\u0053ender":"x",'))],
    ['ſender, which Go reads as sender', frame(DATA.replace('{', '{"\u017fender":"x",'))],
    ['ıd, which Java reads as id', frame(DATA.replace('{', '{"\u0131d":"x",'))],
    ['İD, which Java reads as id', frame(DATA.replace('{', '{"\u0130D":"x",'))],
    ['Recipient', frame(DATA.replace('{', '{"Recipient":"x",'))],
    ['MESSAGE', frame(DATA.replace('{', '{"MESSAGE":{},'))],
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
      expect(refusal(exchange(`{"ecdh_public_key":"${KEY}","${name}":1}`)).reason).toContain('only by case');
      expect(refusal(exchange(`{"${name}":1,"ecdh_public_key":"${KEY}"}`)).at).toContain(
        `"${name}`.slice(0, 12),
      );
    },
  );

  it('may not differ from ack by case, by protocol 2', () => {
    expect(refusal('{"Ack":"1-1"}', 2).reason).toContain('only by case');
    expect(refusal('{"ac\u212a":"1-1"}', 2).reason).toContain('only by case');
    expect(decode(`{"Ack":1,"data":${DATA},"signature":"${SIGNATURE}"}`, 1).kind).toBe('envelope');
  });

  it('may be anything else', () => {
    for (const name of ['senders', 'sende', 'constructor', 'toString', 'data ', ' data', 'dаta', 'é', '']) {
      expect(decode(frame(DATA.replace('{', `{"${name}":1,`))).kind, name).toBe('envelope');
      expect(decode(`{"${name}":1,"data":${DATA},"signature":"${SIGNATURE}"}`).kind, name).toBe('envelope');
    }
  });
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
    [
      'a key of 31 bytes',
      exchange(`{"ecdh_public_key":"${KEY.slice(2)}"}`),
      'ecdh_public_key must be 64 hex digits',
    ],
    [
      'a key that is no hex',
      exchange(`{"ecdh_public_key":"${'xy'.repeat(32)}"}`),
      'ecdh_public_key must be 64 hex',
    ],
    [
      'a key of zeros',
      exchange(`{"ecdh_public_key":"${'00'.repeat(32)}"}`),
      'ecdh_public_key is of small order',
    ],
    [
      'a key not canonical',
      exchange(`{"ecdh_public_key":"${'ff'.repeat(32)}"}`),
      'ecdh_public_key is not canonical',
    ],
    [
      'a key one level too deep',
      exchange(`{"x":{"ecdh_public_key":"${KEY}"}}`),
      'ecdh_public_key is missing in payload',
    ],
  ])('is refused with %s', (_, text, reason) => {
    expect(refusal(text).reason).toContain(reason);
  });
});

describe('a refusal', () => {
  const withId = `{"id":"note-1","sender":"${ALICE}","recipient":"${BOB}","message":{"type":"x"}}`;

  it.each([
    ['JSON that breaks later', frame(withId).slice(0, -5)],
    ['a missing signature', `{"data":${withId}}`],
    ['a type of the relay', frame(withId.replace('"x"', '"error"'))],
    ['a bad recipient', frame(withId.replace(BOB, 'BOB'))],
  ])('names the id that could be read: %s', (_, text) => {
    expect(refusal(text).id).toBe('note-1');
  });

  it.each([
    ['before the id was read', `{"data":{"sender":1,${withId.slice(1)}}`],
    ['if the id is not one', frame(withId.replace('note-1', 'note 1'))],
    ['if the id is elsewhere', `{"id":"a","data":{"sender":"${ALICE}","message":{"id":"b","type":"x"}}}`],
    ['if there is none', '{}'],
  ])('names no id %s', (_, text) => {
    expect(refusal(text).id).toBeNull();
  });

  it('counts its offset in bytes, not in characters', () => {
    expect(decode('{"é\u{1f600}":1,"data":[]}')).toMatchObject({
      offset: encoder.encode('{"é\u{1f600}":1,"data":').length,
    });
  });

  it('does not show what the last frame was', () => {
    decode(frame(withId));
    expect(decode('{')).toMatchObject({ kind: 'malformed', id: null });
    expect(decode(`{"signature":"${SIGNATURE}"}`)).toMatchObject({ kind: 'malformed', id: null });
  });
});
