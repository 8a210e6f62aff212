import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX, parseStrictJson } from '../../../src/protocol/json/scanner.ts';
import { laxity, readTree } from '../../support/frames/plain-json.ts';
import { byLength } from '../../support/long.ts';

const encoder = new TextEncoder();
const bytesOf = (text: string | Uint8Array) => (typeof text === 'string' ? encoder.encode(text) : text);
const parse = (text: string | Uint8Array) => parseStrictJson(bytesOf(text));

/** A string of JSON holding these bytes. */
const quoted = (...bytes: number[]) => Uint8Array.of(0x22, ...bytes, 0x22);
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('strict JSON', () => {
  it.each([
    ['{}'],
    ['[]'],
    [' \t\r\n{ "a" : [ 1 , 2 ] } \n'],
    ['"é \u{1f600} \\u00e9 \\ud83d\\ude00 \\" \\\\ \\/ \\b\\f\\n\\r\\t \\u0000 \u007f"'],
    ['[0,-0,1.0,1e2,1E+2,1e-2,-1.5e400,123456789012345678901234567890]'],
    ['[true,false,null]'],
    ['{"":0,"a":{"a":{"a":1}},"constructor":1,"toString":2,"__proto":3,"proto__":4,"__PROTO__":5}'],
    ['{"A":1,"a":2,"é":3,"e\u0301":4}'],
    ['"\ufeff in the middle is a character"'],
    [nested(JSON_DEPTH_MAX)],
    [' '.repeat(1000).concat('1')],
  ])('reads what JSON.parse reads: %s', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });

  const REFUSED: [text: string | Uint8Array, reason: string, offset: number][] = [
    ['', 'the document ends where a value is expected', 0],
    ['  ', 'the document ends where a value is expected', 2],
    ['\ufeff{}', 'begins with a byte order mark; JSON has none', 0],
    ['{} \ufeff', 'something follows the end of the JSON value', 3],
    ['{}{}', 'something follows the end of the JSON value', 2],
    ['{}\0', 'something follows the end of the JSON value', 2],
    ['\u00a0{}', 'neither a value of JSON nor one of true, false and null', 0],
    [
      Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0),
      'neither a value of JSON nor one of true, false and null',
      0,
    ],
    // Names.
    ['{"a":1,"b":2,"a":3}', 'a name stands twice in one object', 13],
    ['{"a":1,"\\u0061":2}', 'a name stands twice in one object', 7],
    ['{"\\u0061":1,"a":2}', 'a name stands twice in one object', 12],
    ['{"é":1,"\\u00e9":2}', 'a name stands twice in one object', 8],
    ['{"\u{1f600}":1,"\\ud83d\\ude00":2}', 'a name stands twice in one object', 10],
    ['{"/":1,"\\/":2}', 'a name stands twice in one object', 7],
    ['{"":1,"":2}', 'a name stands twice in one object', 6],
    ['[[{"x":{"a":1,"a":1}}]]', 'a name stands twice in one object', 14],
    ['{"a":{"b":1},"c":{"b":1},"a":1}', 'a name stands twice in one object', 25],
    ['{"__proto__":1}', 'the name __proto__ is not allowed', 1],
    ['{"a":[{"\\u005f_proto__":1}]}', 'the name __proto__ is not allowed', 7],
    // Depth.
    [nested(JSON_DEPTH_MAX + 1), 'nested deeper than 8 levels', 8],
    ['{"a":'.repeat(9), 'nested deeper than 8 levels', 40],
    // UTF-8 (RFC 3629).
    [quoted(0x80), 'not valid UTF-8', 1],
    [quoted(0xc0, 0xaf), 'not valid UTF-8', 1],
    [quoted(0xc1, 0xbf), 'not valid UTF-8', 1],
    [quoted(0xe0, 0x80, 0xaf), 'not valid UTF-8', 1],
    [quoted(0xed, 0xa0, 0x80), 'not valid UTF-8', 1],
    [quoted(0xed, 0xbf, 0xbf), 'not valid UTF-8', 1],
    [quoted(0xf0, 0x80, 0x80, 0xaf), 'not valid UTF-8', 1],
    [quoted(0xf4, 0x90, 0x80, 0x80), 'not valid UTF-8', 1],
    [quoted(0xf8, 0x88, 0x80, 0x80, 0x80), 'not valid UTF-8', 1],
    [quoted(0xff), 'not valid UTF-8', 1],
    [quoted(0x61, 0xc3), 'not valid UTF-8', 2],
    [quoted(0x61, 0xe2, 0x82), 'not valid UTF-8', 2],
    [Uint8Array.of(0x22, 0xf0, 0x9f, 0x98), 'not valid UTF-8', 1],
    [Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d), 'not valid UTF-8', 2],
    // Escapes.
    ['"\\ud800"', 'a lone surrogate; a high one must be followed by a low one', 1],
    ['"\\udc00"', 'a lone surrogate; a high one must be followed by a low one', 1],
    ['"a\\ud800\\ud800"', 'a lone surrogate; a high one must be followed by a low one', 2],
    ['"\\ude00\\ude00"', 'a lone surrogate; a high one must be followed by a low one', 1],
    ['"\\ude00\\ud83d"', 'a lone surrogate; a high one must be followed by a low one', 1],
    ['"\\ud83d\\n"', 'a lone surrogate; a high one must be followed by a low one', 1],
    ['{"\\ud800":1}', 'a lone surrogate; a high one must be followed by a low one', 2],
    ['"\\u12g4"', '\\u must be followed by four hex digits', 1],
    ['"\\u123', '\\u must be followed by four hex digits', 1],
    ['"\\ud83d\\ude0"', '\\u must be followed by four hex digits', 7],
    ['"\\x41"', 'an unknown escape; there are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX', 1],
    ['"\\U0041"', 'an unknown escape; there are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX', 1],
    ['"\\', 'an unknown escape; there are \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX', 1],
    ['"a', 'the document ends inside a string', 2],
    ['"a\nb"', 'a control character inside a string must be written as an escape', 2],
    ['"\0"', 'a control character inside a string must be written as an escape', 1],
    ['"\t"', 'a control character inside a string must be written as an escape', 1],
    // Numbers.
    ['01', 'a number may not begin with 0', 1],
    ['-012', 'a number may not begin with 0', 2],
    ['-', 'a digit is missing in a number', 1],
    ['+1', 'neither a value of JSON nor one of true, false and null', 0],
    ['.5', 'neither a value of JSON nor one of true, false and null', 0],
    ['1.', 'a digit is missing in a number', 2],
    ['1.e2', 'a digit is missing in a number', 2],
    ['[1e]', 'a digit is missing in a number', 3],
    ['[1e+]', 'a digit is missing in a number', 4],
    ['0x10', 'something follows the end of the JSON value', 1],
    ['1_000', 'something follows the end of the JSON value', 1],
    ['NaN', 'neither a value of JSON nor one of true, false and null', 0],
    ['-Infinity', 'a digit is missing in a number', 1],
    // The rest of the grammar.
    ['{"a":1,}', 'a name in double quotes is expected', 7],
    ['{,}', 'a name in double quotes is expected', 1],
    ["{'a':1}", 'a name in double quotes is expected', 1],
    ['{a:1}', 'a name in double quotes is expected', 1],
    ['{1:1}', 'a name in double quotes is expected', 1],
    ['{', 'a name in double quotes is expected', 1],
    ['{"a"', 'a colon is expected behind a name', 4],
    ['{"a" 1}', 'a colon is expected behind a name', 5],
    ['{"a":', 'the document ends where a value is expected', 5],
    ['{"a":}', 'neither a value of JSON nor one of true, false and null', 5],
    ['{"a":1', 'a comma or } is expected behind a member', 6],
    ['{"a":1]', 'a comma or } is expected behind a member', 6],
    ['{"a":1 "b":2}', 'a comma or } is expected behind a member', 7],
    ['[1,]', 'neither a value of JSON nor one of true, false and null', 3],
    ['[,1]', 'neither a value of JSON nor one of true, false and null', 1],
    ['[1', 'a comma or ] is expected behind an element', 2],
    ['[1}', 'a comma or ] is expected behind an element', 2],
    ['[1 2]', 'a comma or ] is expected behind an element', 3],
    ['tru', 'neither a value of JSON nor one of true, false and null', 0],
    ['True', 'neither a value of JSON nor one of true, false and null', 0],
    ['nul', 'neither a value of JSON nor one of true, false and null', 0],
    ['nullx', 'something follows the end of the JSON value', 4],
    ['undefined', 'neither a value of JSON nor one of true, false and null', 0],
    ['//c\n1', 'neither a value of JSON nor one of true, false and null', 0],
    ['1/*c*/', 'something follows the end of the JSON value', 1],
    ['\f1', 'neither a value of JSON nor one of true, false and null', 0],
  ];

  it.each(REFUSED)('refuses %j: %s, at byte %i', (text, reason, offset) => {
    expect(parse(text)).toEqual({ ok: false, reason, offset });
  });

  it('refuses a name that stands twice among any number of names', () => {
    for (const count of [2, 15, 16, 17, 18, 200]) {
      const names = Array.from({ length: count }, (_, number) => `"n${number}":0`);
      expect(parse(`{${names.join()}}`).ok, `${count} names`).toBe(true);
      for (const twice of [0, count >> 1, count - 1]) {
        const doubled = parse(`{${[...names, `"n${twice}":1`].join()}}`);
        expect(doubled, `${count} names`).toMatchObject({ reason: 'a name stands twice in one object' });
      }
    }
  });

  it('accepts exactly the UTF-8 that TextDecoder accepts: every first byte, with all that may follow', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const tails = [
      [],
      [0x80],
      [0xbf],
      [0x7f],
      [0xc0],
      [0x80, 0x80],
      [0xbf, 0xbf],
      [0x80, 0x41],
      [0x80, 0x80, 0x80],
    ];
    let accepted = 0;
    for (let lead = 0x80; lead < 0x100; lead++) {
      for (const second of [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff]) {
        for (const tail of tails) {
          const bytes = quoted(lead, second, ...tail);
          const valid = decodes(decoder, bytes);
          if (parseStrictJson(bytes).ok !== valid) throw new Error(`differs on ${[...bytes].join(' ')}`);
          if (valid) accepted++;
        }
      }
    }
    expect(accepted).toBeGreaterThan(100);
  });
});

function decodes(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** JSON.parse, or undefined (which it never returns). */
function lax(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Pieces that a broken or hostile document is made of. */
const PIECES = [...'{}[]",:\\u01-e.aé ', '\\u0061', 'null'];
const jsonText = fc
  .jsonValue({ depthSize: 'small', maxDepth: 10, noUnicodeString: false })
  .map((value) => JSON.stringify(value));
const mutated = fc
  .tuple(jsonText, fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...PIECES)), { maxLength: 3 }))
  .map(([text, cuts]) =>
    cuts.reduce((now, [at, removed, piece]) => splice(now, at % (now.length + 1), removed, piece), text),
  );

function splice(...[text, at, removed, piece]: [string, number, number, string]): string {
  return text.slice(0, at) + piece + text.slice(at + removed);
}

describe('against JSON.parse', () => {
  const runs = { seed: 20260326, numRuns: byLength(5_000, 20_000) };

  it('accepts exactly what JSON.parse accepts and all parsers read alike, with the same values', () => {
    let accepted = 0;
    const property = fc.property(fc.oneof(jsonText, mutated), (text) => {
      const read = parse(text);
      const value = lax(text);
      // A text with a lone surrogate is no UTF-8: the encoder would put U+FFFD in its place.
      fc.pre(!/\p{Surrogate}/u.test(text));
      const expected = value !== undefined && laxity(readTree(text), JSON_DEPTH_MAX) === null;
      expect(read.ok).toBe(expected);
      if (read.ok) {
        accepted++;
        expect(read.value).toEqual(value);
      } else {
        expect(read.reason.length).toBeGreaterThan(10);
        expect(read.offset).toBeGreaterThanOrEqual(0);
        expect(read.offset).toBeLessThanOrEqual(encoder.encode(text).length);
      }
    });
    fc.assert(property, runs);
    expect(accepted).toBeGreaterThan(1000);
  });

  it('gives any bytes a value or a reason with an offset in range', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const read = parseStrictJson(bytes);
      if (read.ok) expect(read.value).toEqual(lax(new TextDecoder().decode(bytes)));
      else expect(read.offset >= 0 && read.offset <= bytes.length).toBe(true);
    });
    fc.assert(property, runs);
  });
});
