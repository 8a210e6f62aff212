import { describe, expect, it } from 'vitest';
import { RELAY_TYPES } from '../../../src/protocol/message-types.ts';
import {
  ALICE,
  BOB,
  DATA,
  dataWith,
  decode,
  frame,
  message,
  refusal,
  SIGNATURE,
} from '../../support/frames/frame-texts.ts';

const encoder = new TextEncoder();

type Refused = [what: string, text: string, reason: string, at: string];
const MISSING: Refused[] = [
  ['data', `{"signature":"${SIGNATURE}"}`, 'data is missing in the frame', '{"signature"'],
  ['everything', '{}', 'data is missing in the frame', '{}'],
  ['signature', `{"data":${DATA}}`, 'signature is missing in the frame', '{"data":{"se'],
  ['sender', frame(dataWith({ sender: null })), 'sender is missing in data', '{"recipient"'],
  ['recipient', frame(dataWith({ recipient: null })), 'recipient is missing in data', '{"sender":"A'],
  ['message', frame(dataWith({ message: null })), 'message is missing in data', '{"sender":"A'],
  ['type', frame(message('{"payload":1}')), 'type is missing in message', '{"payload":1'],
];

const CODE_MUST = 'must be a code: 7 characters of 0-9 and A-Z without I, L, O and U';
const SIGNATURE_MUST = 'signature must be 128 hex digits (64 bytes)';
const ID_MUST = 'id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -';
const TYPE_MUST = 'type must be a letter a-z and at most 31 more characters of a-z, 0-9 and _';
const signedBy = (signature: string) => `{"data":${DATA},"signature":"${signature}"}`;
const to = (recipient: string) => frame(dataWith({ recipient: `"${recipient}"` }));
const withId = (id: string) => frame(dataWith({ id: `"${id}"` }));
const ofType = (type: string) => frame(message(`{"type":"${type}"}`));
const WRONG: Refused[] = [
  ['an array as frame', '[]', 'a frame must be an object', '[]'],
  ['a string as frame', '"x"', 'a frame must be an object', '"x"'],
  ['null as frame', 'null', 'a frame must be an object', 'null'],
  ['a number as frame', ' 1', 'a frame must be an object', '1'],
  ['server as sender', frame(dataWith({ sender: '"server"' })), `sender ${CODE_MUST}`, '"server","re'],
  ['server as recipient', to('server'), `recipient ${CODE_MUST}`, '"server","me'],
  ['a code in lower case', to('b0b0000'), `recipient ${CODE_MUST}`, '"b0b0000","m'],
  ['a code with O', to('BOB0000'), `recipient ${CODE_MUST}`, '"BOB0000","m'],
  ['a code with I', to('I000000'), `recipient ${CODE_MUST}`, '"I000000","m'],
  ['a code with U', to('U000000'), `recipient ${CODE_MUST}`, '"U000000","m'],
  ['a code of 6', to('B0B000'), `recipient ${CODE_MUST}`, '"B0B000","me'],
  ['a code of 8', to('B0B00000'), `recipient ${CODE_MUST}`, '"B0B00000","'],
  ['an empty code', to(''), `recipient ${CODE_MUST}`, '"","message"'],
  ['a code with a line feed', to('B0B0000\\n'), `recipient ${CODE_MUST}`, '"B0B0000\\n",'],
  ['a code with a brace', to('B0B{000'), `recipient ${CODE_MUST}`, '"B0B{000","m'],
  ['a code with NUL', to('B0B000\\u0000'), `recipient ${CODE_MUST}`, '"B0B000\\u000'],
  ['a look-alike letter (Cyrillic В)', to('\u04120B0000'), `recipient ${CODE_MUST}`, '"\u04120B0000","m'],
  ['a code of a megabyte', to('B'.repeat(1_000_000)), `recipient ${CODE_MUST}`, '"BBBBBBBBBBB'],
  ['a short signature', signedBy(SIGNATURE.slice(2)), SIGNATURE_MUST, '"23456789abc'],
  ['a long signature', signedBy(`${SIGNATURE}00`), SIGNATURE_MUST, '"0123456789a'],
  ['a signature that is no hex', signedBy(SIGNATURE.replace('f', 'g')), SIGNATURE_MUST, '"0123456789a'],
  ['an empty id', withId(''), ID_MUST, '"","message"'],
  ['an id of 65', withId('x'.repeat(65)), ID_MUST, '"xxxxxxxxxxx'],
  ['an id with a dot', withId('a.b'), ID_MUST, '"a.b","messa'],
  ['an id with CRLF', withId('a\\r\\n'), ID_MUST, '"a\\r\\n","mes'],
  ['an empty type', ofType(''), TYPE_MUST, '""}},"signat'],
  ['a type in capitals', ofType('Message'), TYPE_MUST, '"Message"}},'],
  ['a type that begins with a digit', ofType('1x'), TYPE_MUST, '"1x"}},"sign'],
  ['a type of 33', ofType('x'.repeat(33)), TYPE_MUST, '"xxxxxxxxxxx'],
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
    sender: (value) => frame(dataWith({ sender: value })),
    recipient: (value) => frame(dataWith({ recipient: value })),
    id: (value) => frame(dataWith({ id: value })),
    message: (value) => frame(dataWith({ message: value })),
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
    expect(refusal(ofType(type))).toMatchObject({
      reason: 'only the relay sends connect_ack, challenge, accepted, error, drained',
    });
  });
});

describe('a refusal', () => {
  const named = `{"id":"note-1",${DATA.slice(1)}`;

  it.each([
    ['JSON that breaks later', frame(named).slice(0, -5)],
    ['a missing signature', `{"data":${named}}`],
    ['a type of the relay', frame(named.replace('"x"', '"error"'))],
    ['a bad recipient', frame(named.replace(BOB, 'BOB'))],
  ])('names the id that could be read: %s', (_, text) => {
    expect(refusal(text).id).toBe('note-1');
  });

  it.each([
    ['before the id was read', `{"data":{"sender":1,${named.slice(1)}}`],
    ['if the id is not one', frame(named.replace('note-1', 'note 1'))],
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
    decode(frame(named));
    expect(decode('{')).toMatchObject({ kind: 'malformed', id: null });
    expect(decode(`{"signature":"${SIGNATURE}"}`)).toMatchObject({ kind: 'malformed', id: null });
  });
});
