import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseUnambiguous } from '../../../src/protocol/json/unambiguous.ts';

test('reads what JSON.parse reads, as it reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1), (text, space) => {
      const value: unknown = JSON.parse(text);
      if (text.includes('__proto__')) return;
      const written = JSON.stringify(value, null, space);
      expect(parseUnambiguous(written)).toEqual(JSON.parse(written));
    }),
    { numRuns: 1_000, seed: 6 },
  );
});

test.each([
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  '[{"x":{"a":[1],"b":0,"a":[]}}]',
  '{"a":"a","b":{"c":{}},"a":null}',
  '{"__proto__":{}}',
  '{"\\u005f_proto__":1}',
  '{"a":1,}',
  '{"a":1} x',
  '',
])('refuses %s', (text) => {
  expect(() => parseUnambiguous(text)).toThrow(SyntaxError);
});

test.each([
  '{"a":{"a":{"a":1}},"b":{"a":2}}',
  '["a","a",{"a":"a"},"{\\"a\\":1,\\"a\\":2}"]',
  '{"a\\\\":1,"a":2,"\\"":3}',
])('takes %s', (text) => {
  expect(parseUnambiguous(text)).toEqual(JSON.parse(text));
});

test('work is linear in the text', () => {
  const names = Array.from({ length: 50_000 }, (_, index) => `"${index}":[{}]`).join(',');
  const startedMs = performance.now();
  expect(() => parseUnambiguous(`{${names},"0":1}`)).toThrow(SyntaxError);
  expect(() => parseUnambiguous('['.repeat(100_000))).toThrow(SyntaxError);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
