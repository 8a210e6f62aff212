import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { aclFile } from '../../../deploy/redis/acl.ts';
import { PERMISSIONS } from '../../../src/cli/doctor/permissions.ts';

const SOURCE = new URL('../../../src/engine/redis/', import.meta.url);
const read = (extension: string) =>
  readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && name !== 'schema.ts')
    .map((name) => readFileSync(new URL(name, SOURCE), 'utf8'))
    .join('\n');
const lua = read('.lua');
const typescript = read('.ts');

const commands = PERMISSIONS.filter(({ rule }) => rule.startsWith('+')).map(({ rule }) => rule.slice(1));
const inScripts = new Set(
  [...lua.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, name = '']) => name.toLowerCase()),
);

test('deploy/redis/keyrelay.acl is what the code says', async () => {
  await expect(aclFile(), 'the ACL is behind the code: npm run docs').toMatchFileSnapshot(
    '../../../deploy/redis/keyrelay.acl',
  );
});

test('every command of a script is declared', () => {
  expect(inScripts.size).toBeGreaterThan(20);
  expect([...inScripts].filter((name) => !commands.includes(name))).toEqual([]);
});

test('every declared command is used', () => {
  // The library greets and logs in by itself.
  const used = (name: string) =>
    ['hello', 'auth'].includes(name) ||
    inScripts.has(name) ||
    name.split('|').every((word) => typescript.includes(`'${word.toUpperCase()}'`));
  expect(commands.filter((name) => !used(name))).toEqual([]);
});

test('every kind of key that the schema names is declared, and no other', () => {
  const schema = readFileSync(new URL('schema.ts', SOURCE), 'utf8');
  const named = new Set(
    [...schema.matchAll(/^ \* {3}(?:(\w+):[{<\w]|(\{[\w:-]+\}:))/gm)].map(([, a, b]) => b ?? `${a}:`),
  );
  const declared = PERMISSIONS.flatMap(({ rule }) => (/^[~&]/.test(rule) ? [rule.slice(1, -1)] : []));
  expect(named.size).toBeGreaterThan(8);
  expect(new Set(declared)).toEqual(named);
});
