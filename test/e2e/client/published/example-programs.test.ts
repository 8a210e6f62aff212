import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { written } from '../../../support/clients/command-line.ts';
import { exampleFolder } from '../../../support/clients/example-folder.ts';
import { fileOf } from '../../../support/clients/files.ts';
import { peopleForTests, take } from '../../../support/clients/sdk.ts';
import { relayForTests } from '../../../support/servers/for-tests.ts';
import { until } from '../../../support/until.ts';

const relay = relayForTests();
const people = peopleForTests();
const running: ChildProcessWithoutNullStreams[] = [];
let examples: Awaited<ReturnType<typeof exampleFolder>>;

beforeAll(async () => {
  examples = await exampleFolder();
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => examples.remove());

/** An example, once it has said who it is. */
async function started(
  file: string,
): Promise<{ code: string; out: () => string; stop: () => Promise<number | null> }> {
  const env = { ...process.env, RELAY_URL: relay.http, PASSPHRASE: 'correct horse' };
  const child = spawn(process.execPath, [file], { cwd: examples.path, env });
  running.push(child);
  const out = written(child.stdout, child.stderr);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await until(() => / is [0-9A-Z]{7}\n/.test(out.text), { what: `${file} to start`, timeoutMs: 40_000 });
  const stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { code: / is (\w+)/.exec(out.text)?.[1] ?? '', out: () => out.text, stop };
}

test('the echo bot answers, and after a restart is the same, with the conversations that it had', async () => {
  const alice = await people.join(relay.http);
  const bot = await started('echo-bot.js');
  const toBot = await alice.relay.startConversation(bot.code);
  await toBot.send({ hello: 'bot' });
  expect((await take(toBot, 1)).map(({ body }) => body)).toEqual([{ hello: 'bot' }]);
  expect(await bot.stop()).toBe(0);
  await toBot.send('while you were away');
  const again = await started('echo-bot.js');
  expect(again.code).toBe(bot.code);
  expect((await take(toBot, 1)).map(({ body }) => body)).toEqual(['while you were away']);
  expect(await readFile(join(examples.path, 'echo-bot.identity'), 'utf8')).toMatch(/^keyrelay-identity-1:/);
}, 240_000);

test('the file drop saves what it gets, and goes on with it after a restart', async () => {
  const alice = await people.join(relay.http);
  const drop = await started('file-drop.js');
  const toDrop = await alice.relay.startConversation(drop.code);
  const bytes = randomBytes(2_000_000);
  const sent = await toDrop.sendFile(fileOf('photo.jpg', bytes));
  await until(() => sent.progress.bytes > 400_000, { what: 'a part of it', timeoutMs: 60_000 });
  expect(await drop.stop()).toBe(0);
  const again = await started('file-drop.js');
  await sent.done;
  await until(() => again.out().includes('saved'), { what: 'the file' });
  const [name = ''] = await readdir(join(examples.path, 'drop'));
  expect(name).toMatch(/^[0-9A-Z]{7}-[0-9a-f]{8}-photo\.jpg$/);
  const digest = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
  expect(digest(await readFile(join(examples.path, 'drop', name)))).toBe(digest(bytes));
}, 240_000);
