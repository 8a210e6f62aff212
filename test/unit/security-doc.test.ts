import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('docs/security.md', root), 'utf8');

it('every test that docs/security.md names exists', () => {
  const named = new Set([...text.matchAll(/\b((?:unit|e2e)\/[a-z0-9-]+)/g)].map(([name]) => name));
  expect(named.size).toBeGreaterThan(10);
  for (const name of named) expect(existsSync(new URL(`test/${name}.test.ts`, root)), name).toBe(true);
});
