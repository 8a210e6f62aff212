import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const text = readFileSync(new URL('docs/security.md', root), 'utf8');

it('every test that docs/security.md names exists', () => {
  const named = new Set(
    [...text.matchAll(/\b((?:unit|e2e|engine)(?:\/[a-z0-9-]+)+)/g)].map(([name]) => name),
  );
  expect(named.size).toBeGreaterThan(10);
  for (const name of named) expect(existsSync(new URL(`test/${name}.test.ts`, root)), name).toBe(true);
});

it('every line of the threat model names its evidence', () => {
  const model = text.slice(text.indexOf('## Attackers'), text.indexOf('## What end-to-end clients'));
  const rows = model.split('\n').filter((line) => /^\| (?!attempt|-)/.test(line));
  expect(rows.length).toBeGreaterThan(35);
  for (const row of rows) {
    const shownBy = row.split(' | ').at(-1) ?? '';
    expect(shownBy, row).toMatch(/\b(?:unit|e2e|engine)(?:\/[a-z0-9-]+)+|engine contract|npm run test:/);
  }
});
