import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../../../src/crypto/base64.ts';

test('bytes become the base64 that Node makes of them, and come back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      expect(toBase64(bytes)).toBe(text);
      expect(fromBase64(text)).toEqual(bytes);
    }),
  );
  const large = randomBytes(100_001);
  expect(Buffer.from(fromBase64(toBase64(large)) ?? []).equals(large)).toBe(true);
});

test('any other text than the canonical one of some bytes is refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ABYZaz019+/=-_\n Ā'), maxLength: 12 }), (text) => {
      const bytes = Buffer.from(text, 'base64');
      const canonical = bytes.toString('base64') === text;
      expect(fromBase64(text)).toEqual(canonical ? new Uint8Array(bytes) : null);
    }),
    { numRuns: 5_000 },
  );
  for (const text of ['QQ==\n', 'QR==', 'QUI', 'QUJ=', '====', '=AAA', 'Q===', 'QQ=A', 'ÿÿÿÿ', '\u0141AAA'])
    expect(fromBase64(text), text).toBeNull();
});
