import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Processes, type RelayProcess } from '../support/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const processes = new Processes();
let relay: RelayProcess;
let folder = '';

beforeAll(async () => {
  relay = await processes.relay();
  folder = await mkdtemp(join(tmpdir(), 'keyrelay-'));
});
afterAll(async () => {
  await processes.stop();
  await rm(folder, { recursive: true });
});

test('the client alone, packed and installed into an empty project, works and is typed', async () => {
  await run(process.execPath, ['deploy/client-package.mjs'], { cwd: ROOT });
  const packed = await run('npm', ['pack', '--pack-destination', folder], {
    cwd: join(ROOT, 'dist/client-package'),
  });
  const tarball = packed.stdout.trim().split('\n').at(-1) ?? '';
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball), 'ws@8'];
  await run('npm', install, { cwd: folder, timeout: 60_000 });

  const manifest = JSON.parse(
    await readFile(join(folder, 'node_modules/keyrelay-client/package.json'), 'utf8'),
  );
  expect(Object.keys(manifest.dependencies)).toEqual(['@noble/ciphers', '@noble/curves', '@noble/hashes']);

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
}, 120_000);
