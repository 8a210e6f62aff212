import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandLineForTests } from '../../support/clients/command-line.ts';
import { MAIN } from '../../support/servers/processes.ts';

// A short command spends most of its time on loading files: it must not load what it does not use.

const NOWHERE = 'http://127.0.0.1:1';
const MARK = 'loaded: ';

/** Runs before the program, and writes the URL of each module that it loads to standard error. */
const HOOKS = `
import { writeSync } from 'node:fs';
export async function load(url, context, next) {
  writeSync(2, ${JSON.stringify(`\n${MARK}`)} + url + '\\n');
  return next(url, context);
}`;
const PRELOAD = `
import { register } from 'node:module';
register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)});`;
const WATCHED = ['--import', `data:text/javascript,${encodeURIComponent(PRELOAD)}`];

const LIBRARY = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/;

/** The modules that a command loads until it ends: URLs of files, and the names of their packages. */
async function loadedBy(args: readonly string[], env: Record<string, string> = {}) {
  const words = await new Promise<string>((resolve) => {
    const options = { env: { ...process.env, ...env } };
    execFile(process.execPath, [...WATCHED, MAIN, ...args], options, (_error, _out, err) => resolve(err));
  });
  const lines = words.split('\n').filter((line) => line.startsWith(MARK));
  const urls = lines.map((line) => line.slice(MARK.length)).filter((url) => url.startsWith('file:'));
  const libraries = new Set(urls.flatMap((url) => LIBRARY.exec(url)?.[1] ?? []));
  return { own: urls.filter((url) => !LIBRARY.test(url)).length, libraries: [...libraries].sort() };
}

const alice = commandLineForTests(() => NOWHERE);

test.concurrent.each([
  ['--version'],
  ['send --help'],
  ['nonsense'],
  ['serve --nonsense'],
  ['doctor --nonsense'],
  ['admin nonsense'],
  ['chat'],
  ['listen --nonsense'],
])('%s loads no library, and few files', async (words) => {
  const { own, libraries } = await loadedBy(words.split(' '));
  expect(libraries).toEqual([]);
  expect(own).toBeGreaterThan(5);
  expect(own).toBeLessThan(35);
});

test('the list of all settings loads what checks them, and no more', async () => {
  expect(await loadedBy(['--help'])).toMatchObject({ libraries: ['zod'] });
});

test('identity loads what makes keys and registers them, and no connection', async () => {
  const { own, libraries } = await loadedBy(['identity', '--identity', alice.path('alice')], {
    RELAY_URL: NOWHERE,
  });
  expect(libraries).toEqual(['@noble/curves', '@noble/ed25519', '@noble/hashes']);
  expect(own).toBeLessThan(50);
});

test('a command for people loads nothing of a node', async () => {
  const { libraries } = await loadedBy(['policy', 'known', '--identity', alice.path('alice')], {
    RELAY_URL: NOWHERE,
  });
  const ours = ['@noble/ciphers', '@noble/curves', '@noble/ed25519', '@noble/hashes', 'ws'];
  expect(libraries.filter((name) => !ours.includes(name))).toEqual([]);
  expect(libraries).toContain('ws');
});
