import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiled } from '../../support/compiled.ts';

const encoder = new TextEncoder();

/**
 * 16 times the document takes 16 times as long if work is linear, some more if it does not fit into the cache any more,
 * and 256 times if it is quadratic.
 */
const GROWTH = 16;
const GROWTH_MAX = 64;
/** Short documents are scanned repeatedly, so that the clock's resolution does not matter. */
const MEASURED_MS_MIN = 5;
const RESOLUTION_MS = 0.001;
const RUNS = 5;

describe('hostile documents', async () => {
  const { JsonScanner } = await compiled<typeof import('../../../src/protocol/json/scanner.ts')>(
    path.resolve(import.meta.dirname, '../../../src/protocol/json/scanner.ts'),
  );
  const scanner = new JsonScanner();
  const many = (count: number, member: (number: number) => string) =>
    `{${Array.from({ length: count }, (_, number) => member(number)).join()}}`;
  // V8 hashes "1", "2" … by their value: multiples of a power of two once fell into one bucket.
  const colliding = (number: number) => `"${(number + 1) * 4096}":0`;
  const lastTwoEqual = (count: number) =>
    `${many(count, (number) => `"n${number}":0`).slice(0, -1)},"n${count - 1}":0}`;

  it.each<[string, number, (size: number) => string]>([
    ['names', 100_000, (n) => many(n, (number) => `"n${number}":0`)],
    ['equal names', 100_000, (n) => many(n, () => '"a":0')],
    ['names of which the last two are equal', 100_000, lastTwoEqual],
    ['escaped names', 100_000, (n) => many(n, (number) => `"\\u0061${number}":0`)],
    ['numbers as names', 100_000, (n) => many(n, colliding)],
    [
      'names of 64 KB that differ at the end',
      16,
      (n) => many(n, (number) => `"${'a'.repeat(65_536)}${number}":0`),
    ],
    [
      'objects of 17 names',
      1_024,
      (n) =>
        `[${Array(n)
          .fill(many(17, (number) => `"n${number}":0`))
          .join()}]`,
    ],
    ['levels of arrays', 100_000, (n) => `${'['.repeat(n)}${']'.repeat(n)}`],
    ['levels of objects', 100_000, (n) => '{"a":'.repeat(n)],
    ['elements', 100_000, (n) => `[${Array(n).fill('0').join()}]`],
    ['characters of a string', 1_000_000, (n) => `"${'a'.repeat(n)}"`],
    ['escapes in a string', 200_000, (n) => `"${'\\u00e9'.repeat(n)}"`],
    ['characters beyond ASCII in a string', 300_000, (n) => `"${'é'.repeat(n)}"`],
    ['digits of a number', 1_000_000, (n) => '1'.repeat(n)],
    ['escapes in a name', 200_000, (n) => `{"${'\\u00e9'.repeat(n)}":0}`],
    ['spaces', 1_000_000, (n) => `${' '.repeat(n)}x`],
  ])('take no more than linear time: %s, up to %i', (_, size, document) => {
    const small = encoder.encode(document(size / GROWTH));
    const large = encoder.encode(document(size));
    const repeats = Math.ceil(MEASURED_MS_MIN / Math.max(RESOLUTION_MS, scanMs(small, 10) / 10));
    const runs = Array.from({ length: RUNS }, () => {
      // In turns, so that noise of the machine affects both.
      return { small: scanMs(small, repeats), large: scanMs(large, repeats) };
    });
    const cheapest = (which: 'small' | 'large') => Math.min(...runs.map((run) => run[which]));
    expect(cheapest('large') / cheapest('small')).toBeLessThan(GROWTH_MAX);
  });

  /** Processor time: other work on the machine does not count. */
  function scanMs(document: Uint8Array, repeats: number): number {
    const before = process.cpuUsage();
    for (let repeat = 0; repeat < repeats; repeat += 1) scanner.scan(document);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }
});
