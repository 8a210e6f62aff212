import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiled } from '../../support/compiled.ts';

const encoder = new TextEncoder();
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** A frame at the relay's hard limit, 128 KiB, is decided within 7 ms at this rate; a megabyte within 50. */
const NS_PER_BYTE_MAX = 50;

describe('hostile documents', async () => {
  const { JsonScanner } = await compiled<typeof import('../../../src/protocol/json.ts')>(
    path.resolve(import.meta.dirname, '../../../src/protocol/json.ts'),
  );
  const scanner = new JsonScanner();
  const many = (count: number, member: (number: number) => string) =>
    `{${Array.from({ length: count }, (_, number) => member(number)).join()}}`;
  // V8 hashes "1", "2" … by their value: multiples of a power of two once fell into one bucket.
  const colliding = (number: number) => `"${(number + 1) * 4096}":0`;

  it.each([
    ['100,000 names', many(100_000, (number) => `"n${number}":0`)],
    ['100,000 equal names', many(100_000, () => '"a":0')],
    [
      '100,000 names of which the last two are equal',
      `${many(100_000, (number) => `"n${number}":0`).slice(0, -1)},"n99999":0}`,
    ],
    ['100,000 escaped names', many(100_000, (number) => `"\\u0061${number}":0`)],
    ['100,000 numbers as names', many(100_000, colliding)],
    ['16 names of 64 KB that differ at the end', many(16, (number) => `"${'a'.repeat(65_536)}${number}":0`)],
    [
      '1,000 objects of 17 names',
      `[${Array(1000)
        .fill(many(17, (number) => `"n${number}":0`))
        .join()}]`,
    ],
    ['depth 100,000', nested(100_000)],
    ['depth 100,000 of objects', '{"a":'.repeat(100_000)],
    ['100,000 elements', `[${Array(100_000).fill('0').join()}]`],
    ['a string of 1 MB', `"${'a'.repeat(1_000_000)}"`],
    ['a string of 200,000 escapes', `"${'\\u00e9'.repeat(200_000)}"`],
    ['a string of 300,000 characters beyond ASCII', `"${'é'.repeat(300_000)}"`],
    ['a number of 1 MB', '1'.repeat(1_000_000)],
    ['a name of 200,000 escapes', `{"${'\\u00e9'.repeat(200_000)}":0}`],
    ['1 MB of spaces', `${' '.repeat(1_000_000)}x`],
  ])(`are decided in ${NS_PER_BYTE_MAX} ns a byte: %s`, (_, text) => {
    const bytes = encoder.encode(text);
    expect((cheapestMs(() => scanner.scan(bytes)) * 1e6) / bytes.length).toBeLessThan(NS_PER_BYTE_MAX);
  });
});

/** Processor time of the cheapest of a few runs: other work on the machine does not count. */
function cheapestMs(work: () => void): number {
  const runs = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...runs);
}
