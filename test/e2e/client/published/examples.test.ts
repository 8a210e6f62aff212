import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';
import { processesForTests } from '../../../support/servers/for-tests.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const processes = processesForTests();

test.each(['README.md', 'docs/clients.md'])('the example of %s runs as it stands', async (page) => {
  const relay = await processes.relay();
  const docs = await readFile(join(ROOT, page), 'utf8');
  const source = /<!-- example: two-people -->\n```ts\n(.*?)```/s.exec(docs)?.[1];
  if (source === undefined) throw new Error(`${page} has no example two-people`);
  // The one thing that differs from an installed package is where it is.
  const sdk = pathToFileURL(join(ROOT, 'dist/client/index.js')).href;
  const { code } = await transform(source.replace('keyrelay/client', sdk), { loader: 'ts', format: 'esm' });
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.cache/example-'));
  const file = join(folder, 'example.mjs');
  await writeFile(file, code);
  const env = { ...process.env, RELAY_URL: relay.http };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 15_000 });
  expect(stdout.trim().split('\n').sort()).toEqual([
    'Alice got: Hello Alice',
    'Bob got: Hello Bob',
    'Bob has read true',
  ]);
  await rm(folder, { recursive: true });
});
