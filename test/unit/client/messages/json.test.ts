import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { bodyBytesMax, requireFits } from '../../../../src/client/conversation/message-size.ts';
import { requireJson } from '../../../../src/client/sending/json.ts';

const problem = (value: unknown): unknown => {
  try {
    requireJson(value);
    return null;
  } catch (error) {
    return { code: (error as { code: string }).code, message: (error as Error).message };
  }
};

test.each([
  ['null', null],
  ['a string with anything in it', 'ü\u0000\ud800'],
  ['numbers', [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER]],
  ['objects in arrays in objects', { a: [{ b: true }, []], '': {} }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
  ['an object of another realm', runInNewContext('({ a: [1, 2] })')],
])('a message may be %s', (_, value) => {
  expect(problem(value)).toBeNull();
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

test.each([
  ['undefined', undefined, 'The message is undefined'],
  ['bytes', new Uint8Array(3), 'sendFile()'],
  ['a Buffer inside', { data: Buffer.from('x') }, 'The message.data is bytes'],
  ['an ArrayBuffer', new ArrayBuffer(3), 'is bytes'],
  ['a Date', { when: new Date(0) }, 'The message.when is a Date: send toISOString()'],
  ['an invalid Date', new Date(Number.NaN), 'is a Date'],
  ['a BigInt', [1n], 'The message.0 is a BigInt'],
  ['NaN', { a: Number.NaN }, 'The message.a is NaN'],
  ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
  ['a function', () => 1, 'is function'],
  ['a symbol', Symbol('x'), 'is symbol'],
  ['an undefined member', { a: undefined }, 'The message.a is undefined'],
  ['a Map', new Map([['a', 1]]), 'is a Map'],
  ['a Set', new Set([1]), 'is a Set'],
  ['an Error', new Error('x'), 'is a Error'],
  ['an array with holes', new Array(3), 'holes'],
  ['what contains itself', cycle, 'contains itself'],
])('%s is refused in words, with a code', (_, value, words) => {
  expect(problem(value)).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(words) });
});

test('the largest body that the limit allows fits, and one byte more does not', () => {
  const max = bodyBytesMax(65_536);
  const fits = (bytes: number) => () => requireFits('x'.repeat(bytes - 2), {}, 65_536);
  expect(fits(max)).not.toThrow();
  expect(fits(max + 1)).toThrow(`The message is ${max + 1} bytes of JSON, and this relay takes ${max}`);
  expect(() => requireFits('ü'.repeat(max / 2), {}, 65_536)).toThrow(/too|takes/);
});
