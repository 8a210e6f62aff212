import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, expect, test } from 'vitest';
import { folderForTests } from '../../../support/folder.ts';
import { relayForTests } from '../../../support/servers/for-tests.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const PACKAGE = join(ROOT, 'dist/client-package');
const run = promisify(execFile);
const relay = relayForTests();
const folder = folderForTests();
/** Of the package as it would be published. */
let tarball = '';

beforeAll(async () => {
  await run(process.execPath, ['deploy/client-package.mjs'], { cwd: ROOT });
  const packed = await run('npm', ['pack', '--pack-destination', folder], { cwd: PACKAGE });
  tarball = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
});

test('publint has nothing to say of the client packed, no suggestion either', async () => {
  const data = await readFile(tarball);
  const pack = { tarball: data.buffer.slice(data.byteOffset, data.byteOffset + data.length) as ArrayBuffer };
  const { messages, pkg } = await publint({ pack, level: 'suggestion', strict: true });
  expect(pkg?.name).toBe('keyrelay-client');
  expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
});

test('its README imports it by its own name, and points to nothing that it lacks', async () => {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  expect(readme).toContain("from 'keyrelay-client'");
  expect(readme).not.toContain('keyrelay/client');
  const targets = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  expect(targets.filter((target) => !/^(#|https:)/.test(target))).toEqual([]);
});

test('its types are right for every way to import it, and `require` finds an ES module, as Node can since 20.19', async () => {
  const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(tarball))));
  if (checked.types === false) throw new Error('The package has no types.');
  expect(Object.keys(checked.entrypoints)).toEqual(['.']);
  const ways = checked.problems.map((problem) => ('resolutionKind' in problem ? problem.resolutionKind : ''));
  const kinds = checked.problems.map(({ kind }) => kind);
  expect([kinds, ways]).toEqual([['CJSResolvesToESM'], ['node16-cjs']]);
});

test('the client alone, packed and installed into an empty project, works and is typed', async () => {
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, 'ws@8'];
  await run('npm', install, { cwd: folder, timeout: 60_000 });

  const manifest = JSON.parse(
    await readFile(join(folder, 'node_modules/keyrelay-client/package.json'), 'utf8'),
  );
  expect(Object.keys(manifest.dependencies)).toEqual([
    '@noble/ciphers',
    '@noble/curves',
    '@noble/ed25519',
    '@noble/hashes',
    '@noble/post-quantum',
  ]);

  await writeFile(
    join(folder, 'use.ts'),
    `import { createIdentity, Relay, type Message } from 'keyrelay-client';
     export async function meet(url: string, WebSocket: unknown): Promise<Message | undefined> {
       const alice = await Relay.connect(url, createIdentity(), { WebSocket });
       const bob = await Relay.connect(url, createIdentity(), { WebSocket });
       const coming = new Promise<Message>((resolve, reject) => {
         bob.on('conversation', async ({ conversation }) => {
           const { value } = await conversation.messages().next();
           if (value === undefined) reject(new Error('nothing came')); else resolve(value);
         });
       });
       await (await alice.startConversation(bob.code ?? '')).send('packed');
       const message = await coming;
       await Promise.all([alice.close(), bob.close()]);
       return message;
     }\n`,
  );
  const options = [
    '--target',
    'es2023',
    '--lib',
    'es2023,dom',
    '--module',
    'nodenext',
    '--strict',
    '--types',
    '',
  ];
  // Its types are checked as an importer sees them: \`skipLibCheck\` is off.
  await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'use.ts'], { cwd: folder });
  await writeFile(
    join(folder, 'main.js'),
    `import { WebSocket } from 'ws'; import { meet } from './use.js';
     console.log((await meet(process.argv[2], WebSocket)).body);\n`,
  );
  const used = await run(process.execPath, ['main.js', relay.http], { cwd: folder, timeout: 20_000 });
  expect(used.stdout.trim()).toBe('packed');

  const asked = "console.log(require('keyrelay-client').createIdentity().eddsaPublicKey.length)";
  await writeFile(join(folder, 'old.cjs'), asked);
  expect((await run(process.execPath, ['old.cjs'], { cwd: folder })).stdout.trim()).toBe('64');
});
