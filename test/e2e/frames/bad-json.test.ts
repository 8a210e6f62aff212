import { afterAll, beforeAll, describe } from 'vitest';
import { type BadFrame, inPayload, refusesEach } from '../../support/frames/bad-frame.ts';
import { Processes } from '../../support/servers/processes.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 2: no document is a frame that two parsers could read differently. */
const processes = new Processes();
let relay: RelayNode;

beforeAll(async () => {
  relay = await processes.relay();
});

afterAll(() => processes.stop());

const json: BadFrame[] = [
  { what: 'nothing', frame: () => '', says: /^the document ends where a value is expected \(at byte 0\)$/ },
  { what: 'spaces', frame: () => '  \n', says: /\(at byte 3\)$/ },
  { what: 'null', frame: () => 'null', says: /^a frame must be an object \(at byte 0\)$/ },
  { what: 'an array', frame: () => '[]', says: /^a frame must be an object/ },
  { what: 'a string', frame: () => '"hello"', says: /^a frame must be an object/ },
  {
    what: 'a cut frame',
    frame: ({ data }) => `{"data":${data}`,
    says: /^a comma or } is expected behind a member/,
  },
  {
    what: 'two frames',
    frame: ({ data, signature }) => `{"data":${data},"signature":"${signature}"}{}`,
    says: /^something follows the end/,
  },
  {
    what: 'a NUL behind the frame',
    frame: ({ data, signature }) => `{"data":${data},"signature":"${signature}"}\0`,
    says: /^something follows the end/,
  },
  {
    what: 'a byte order mark',
    frame: ({ data, signature }) => `\ufeff{"data":${data},"signature":"${signature}"}`,
    says: /byte order mark/,
  },
  { what: 'single quotes', frame: () => "{'data':{}}", says: /^a name in double quotes is expected/ },
  {
    what: 'a comma too many',
    frame: ({ data }) => `{"data":${data},}`,
    says: /^a name in double quotes is expected/,
  },
  {
    what: 'a comment',
    frame: ({ data }) => `{/**/"data":${data}}`,
    says: /^a name in double quotes is expected/,
  },
  { what: 'NaN', frame: inPayload('NaN'), says: /^neither a value of JSON/ },
  { what: 'a number with a leading 0', frame: inPayload('01'), says: /^a number may not begin with 0/ },
  { what: 'a number that ends with a point', frame: inPayload('1.'), says: /^a digit is missing/ },
  { what: 'a number with a plus', frame: inPayload('+1'), says: /^neither a value of JSON/ },
  {
    what: 'a control character in a string',
    frame: inPayload('"a\tb"'),
    says: /^a control character inside a string/,
  },
  { what: 'an escape that there is not', frame: inPayload('"\\x41"'), says: /escape/ },
  { what: 'half an escape', frame: inPayload('"\\u12"'), says: /escape|hex/ },
  { what: 'a lone high surrogate', frame: inPayload('"\\ud83d"'), says: /surrogate/ },
  { what: 'a lone low surrogate', frame: inPayload('"\\ude00"'), says: /surrogate/ },
  { what: 'nesting of nine', frame: inPayload('[[[[[[]]]]]]'), says: /^nested deeper than 8 levels/ },
  { what: 'nesting of 30,000', frame: () => '['.repeat(30_000), says: /^nested deeper than 8 levels/ },
  { what: 'a name twice', frame: inPayload('{"a":1,"a":1}'), says: /^a name stands twice/ },
  {
    what: 'a name twice, once in escapes',
    frame: inPayload('{"a":1,"\\u0061":1}'),
    says: /^a name stands twice/,
  },
  {
    what: 'a name twice among many',
    frame: inPayload(`{${Array.from({ length: 40 }, (_, n) => `"n${n}":0`).join()},"n7":0}`),
    says: /^a name stands twice/,
  },
  { what: '__proto__', frame: inPayload('{"__proto__":{}}'), says: /^the name __proto__ is not allowed/ },
  {
    what: '__proto__ in escapes',
    frame: inPayload('{"__pr\\u006fto__":{}}'),
    says: /^the name __proto__ is not allowed/,
  },
];

describe('JSON that parsers read differently', () => refusesEach(json, () => relay));
