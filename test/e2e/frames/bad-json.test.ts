import { describe } from 'vitest';
import { type BadFrame, inPayload, refusesEach } from '../../support/frames/bad-frame.ts';
import { frameOf } from '../../support/plain/frames.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 2: no document is a frame that two parsers could read differently. */
const relay = relayForTests();

const json: BadFrame[] = [
  ['nothing', () => '', /^the document ends where a value is expected \(at byte 0\)$/],
  ['spaces', () => '  \n', /\(at byte 3\)$/],
  ['null', () => 'null', /^a frame must be an object \(at byte 0\)$/],
  ['an array', () => '[]', /^a frame must be an object/],
  ['a string', () => '"hello"', /^a frame must be an object/],
  ['a cut frame', ({ data }) => `{"data":${data}`, /^a comma or } is expected behind a member/],
  ['two frames', ({ alice, data }) => `${frameOf(alice, data)}{}`, /^something follows the end/],
  ['a NUL behind the frame', ({ alice, data }) => `${frameOf(alice, data)}\0`, /^something follows the end/],
  ['a byte order mark', ({ alice, data }) => `\ufeff${frameOf(alice, data)}`, /byte order mark/],
  ['single quotes', () => "{'data':{}}", /^a name in double quotes is expected/],
  ['a comma too many', ({ data }) => `{"data":${data},}`, /^a name in double quotes is expected/],
  ['a comment', ({ data }) => `{/**/"data":${data}}`, /^a name in double quotes is expected/],
  ['NaN', inPayload('NaN'), /^neither a value of JSON/],
  ['a number with a leading 0', inPayload('01'), /^a number may not begin with 0/],
  ['a number that ends with a point', inPayload('1.'), /^a digit is missing/],
  ['a number with a plus', inPayload('+1'), /^neither a value of JSON/],
  ['a control character in a string', inPayload('"a\tb"'), /^a control character inside a string/],
  ['an escape that there is not', inPayload('"\\x41"'), /escape/],
  ['half an escape', inPayload('"\\u12"'), /escape|hex/],
  ['a lone high surrogate', inPayload('"\\ud83d"'), /surrogate/],
  ['a lone low surrogate', inPayload('"\\ude00"'), /surrogate/],
  ['nesting of nine', inPayload('[[[[[[]]]]]]'), /^nested deeper than 8 levels/],
  ['nesting of 30,000', () => '['.repeat(30_000), /^nested deeper than 8 levels/],
  ['a name twice', inPayload('{"a":1,"a":1}'), /^a name stands twice/],
  ['a name twice, once in escapes', inPayload('{"a":1,"\\u0061":1}'), /^a name stands twice/],
  [
    'a name twice among many',
    inPayload(`{${Array.from({ length: 40 }, (_, n) => `"n${n}":0`).join()},"n7":0}`),
    /^a name stands twice/,
  ],
  ['__proto__', inPayload('{"__proto__":{}}'), /^the name __proto__ is not allowed/],
  ['__proto__ in escapes', inPayload('{"__pr\\u006fto__":{}}'), /^the name __proto__ is not allowed/],
];

describe('JSON that parsers read differently', () => refusesEach(json, () => relay));
