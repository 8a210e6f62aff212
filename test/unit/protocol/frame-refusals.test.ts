import { describe, expect, it } from 'vitest';
import { RELAY_TYPES } from '../../../src/protocol/message-types.ts';
import {
  ALICE,
  BOB,
  DATA,
  decode,
  frame,
  message,
  refusal,
  SIGNATURE,
} from '../../support/frames/frame-texts.ts';

const encoder = new TextEncoder();

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

  it.each(RELAY_TYPES)('if it is of the type %s, which only the relay sends', (type) => {
    expect(refusal(frame(message(`{"type":"${type}"}`)))).toMatchObject({
      reason: 'only the relay sends connect_ack, challenge, accepted, error, drained',
    });
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

  it('reveals nothing of the previous frame', () => {
    decode(frame(withId));
    expect(decode('{')).toMatchObject({ kind: 'malformed', id: null });
    expect(decode(`{"signature":"${SIGNATURE}"}`)).toMatchObject({ kind: 'malformed', id: null });
  });
});
