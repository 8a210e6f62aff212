import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const TESTS = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(TESTS, '../package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** The filters by which a script of package.json chooses its files. */
const filtersOf = (script: string) => (scripts[script] ?? '').split('vitest.config.ts ')[1]?.split(' ') ?? [];

const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => ({ file, source: readFileSync(join(TESTS, file), 'utf8') }));

test('a case that npm test leaves out, or shortens, is played at full length by a script', () => {
  const filters = [...filtersOf('test:long'), ...filtersOf('test:browser')];
  const long = files.filter(({ source }) => /^\s*import \{[^}]*\b(longTest|byLength)\b/m.test(source));
  expect(long.length).toBeGreaterThan(5);
  const played = ({ file }: { file: string }) => filters.some((filter) => file.includes(filter));
  expect(long.filter((each) => !played(each)).map(({ file }) => file)).toEqual([]);
});
