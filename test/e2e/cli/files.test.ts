import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createIdentity, Relay } from '../../../src/client/index.ts';
import { commandLineForTests, ended, jsonLines, written } from '../../support/clients/command-line.ts';
import { longTest } from '../../support/long.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const relays: Relay[] = [];
const relay = relayForTests();
const people = commandLineForTests(() => url);
let url = '';

afterEach(async () => {
  url = relay.http;
  await Promise.all(relays.splice(0).map((each) => each.close()));
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function fileOf(name: string, size: number): Promise<{ path: string; bytes: Buffer }> {
  const bytes = randomBytes(size);
  await writeFile(people.path(name), bytes);
  return { path: people.path(name), bytes };
}

/** Both have agreed on keys. */
async function acquaint(left: string, right: string): Promise<string> {
  url = relay.http;
  const code = await people.codeOf(right);
  const listening = await people.listening(right, ['--count', '1']);
  const stopped = ended(listening);
  expect((await people.run(left, ['send', code, '--delivered'], { input: 'hello' })).code).toBe(0);
  await stopped;
  return code;
}

describe('a file', () => {
  test('arrives as it was, and writes over none', async () => {
    const carol = await acquaint('dora', 'carol');
    const saved = people.path('saved');
    const { path, bytes } = await fileOf('data set.bin', 200_000);
    for (const name of [/-data set\.bin$/, /-data set \(2\)\.bin$/]) {
      const listening = await people.listening('carol', ['--count', '1', '--save', saved]);
      const line = jsonLines(listening, 1);
      const sent = await people.run('dora', ['send', carol, path, '--json', '--delivered']);
      expect(sent).toMatchObject({ code: 0 });
      expect(JSON.parse(sent.out)).toMatchObject({
        to: carol,
        file: 'data set.bin',
        sha256: sha256(bytes),
        delivered: true,
      });
      const [about] = await line;
      expect(about).toMatchObject({
        size: bytes.length,
        sha256: sha256(bytes),
        file: expect.stringMatching(name),
      });
      expect((await readFile(String(about?.file))).equals(bytes)).toBe(true);
    }
    expect((await readdir(saved)).filter((each) => each.startsWith('.'))).toEqual([]);
  });

  longTest('of bytes that are no text arrives from a pipe as it was', async () => {
    const carol = await acquaint('pia', 'paul');
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00, 0x80]), randomBytes(5_000)]);
    const listening = await people.listening('paul', ['--count', '3', '--save', people.path('piped')]);
    const lines = jsonLines(listening, 3);
    expect((await people.run('pia', ['send', carol, '--delivered'], { input: bytes })).code).toBe(0);
    expect(
      (await people.run('pia', ['send', carol, '--delivered', '--file', '-'], { input: 'text' })).code,
    ).toBe(0);
    const long = 'too long for a message '.repeat(4_000);
    expect((await people.run('pia', ['send', carol, '--delivered'], { input: long })).code).toBe(0);
    const contents = await Promise.all((await lines).map(({ file }) => readFile(String(file))));
    expect(contents.map((each) => sha256(each))).toEqual(
      [bytes, Buffer.from('text'), Buffer.from(long)].map(sha256),
    );
  });

  longTest(
    'that is small waits for a recipient who is away; one that is large says at once that it does, and holds up no message',
    async () => {
      const bob = await acquaint('ann', 'ben');
      const small = await fileOf('small.bin', 200_000);
      expect(await people.run('ann', ['send', bob, small.path])).toMatchObject({ code: 0 });
      const large = await fileOf('large.bin', 3_000_000);
      const sending = people.start('ann', ['send', bob, large.path, '--timeout', '30']);
      const said = written(sending.stderr);
      await until(() => said.text.includes('more than may wait at the relay'), { what: 'the word about it' });
      expect(said.text).toContain('large.bin (3.0 MB)');
      const interrupted = ended(sending);
      sending.kill('SIGINT');
      expect((await interrupted).code).toBe(1);
      expect(await people.run('ann', ['send', bob], { input: 'behind it' })).toMatchObject({ code: 0 });

      const folder = people.path('waited');
      const listening = await people.listening('ben', ['--save', folder]);
      const first = await jsonLines(listening, 2);
      expect(first.map(({ body, size }) => body ?? size).sort()).toEqual([200_000, 'behind it']);
      // The sender's listen goes on with it.
      const serving = await people.listening('ann');
      const [arrived] = await jsonLines(listening, 1);
      expect(arrived).toMatchObject({ size: 3_000_000, sha256: sha256(large.bytes) });
      for (const child of [listening, serving]) child.kill('SIGTERM');
    },
  );

  longTest(
    'interrupted twice, once on either side, goes on where it was',
    async () => {
      const bob = await acquaint('eva', 'emil');
      const { path, bytes } = await fileOf('long.bin', 6_000_000);
      const folder = people.path('resumed');
      let listening = await people.listening('emil', ['--save', folder]);
      let sending = people.start('eva', ['send', bob, path, '--json']);
      const partial = async (least: number) => {
        const names = await readdir(folder).catch(() => []);
        const sizes = await Promise.all(
          names.map(async (name) => (await readFile(join(folder, name))).length),
        );
        return sizes.some((size) => size >= least);
      };
      const far = (least: number) =>
        until(() => partial(least), { what: `${least} bytes`, timeoutMs: 60_000 });
      await far(1_000_000);
      listening.kill('SIGKILL');
      await ended(listening);
      listening = await people.listening('emil', ['--save', folder, '--count', '1']);
      const line = jsonLines(listening, 1);
      await far(2_500_000);
      sending.kill('SIGKILL');
      await ended(sending);
      sending = people.start('eva', ['send', bob, path, '--json']);
      const end = await ended(sending);
      expect(end).toMatchObject({ code: 0, err: expect.stringMatching(/going on, \d/) });
      expect((await line)[0]).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
    },
    480_000,
  );

  longTest('on its way shows how far it is, how fast, and how long it takes, in a terminal', async () => {
    const hana = await acquaint('ivo', 'hana');
    const { path } = await fileOf('big.bin', 900_000);
    const listening = await people.listening('hana', ['--count', '1', '--save', people.path('saved')]);
    const line = jsonLines(listening, 1);
    const child = people.startInTerminal('ivo', ['send', hana, path]);
    const { out } = await ended(child);
    const shown = out.split('\r').map((each) => each.replaceAll('\u001b[K', '').trim());
    const percents = shown.flatMap((each) => /^big\.bin {2}(\d+) %/.exec(each)?.[1] ?? []).map(Number);
    expect(percents.at(-1)).toBe(100);
    expect(percents).toEqual([...percents].sort((left, right) => left - right));
    expect(out).toMatch(/of 900 kB {2}[\d.]+ [kM]B\/s/);
    expect(out).toMatch(/delivered, SHA-256 [0-9a-f]{64}/);
    expect((await line)[0]).toMatchObject({ size: 900_000 });
  });

  test('of an earlier version, in messages, is put together too, and nothing leaves the folder', async () => {
    url = relay.http;
    const code = await people.codeOf('otto');
    const folder = people.path('earlier');
    const listening = await people.listening('otto', ['--count', '2', '--save', folder]);
    const lines = jsonLines(listening, 2);
    const old = await Relay.connect(url, createIdentity(), { WebSocket });
    relays.push(old);
    const toOtto = await old.startConversation(code);
    const bytes = randomBytes(50_000);
    const parts = [bytes.subarray(0, 30_000), bytes.subarray(30_000)];
    for (const digest of [sha256(bytes), '00'.repeat(32)]) {
      for (const [index, part] of parts.entries()) {
        await toOtto.send({
          file: '../../evil.bin',
          part: index + 1,
          parts: 2,
          size: bytes.length,
          sha256: index === 1 ? digest : null,
          data: part.toString('base64'),
        });
      }
    }
    const [good, bad] = await lines;
    expect(good).toMatchObject({ file: join(folder, `${old.code}-evil.bin`), sha256: sha256(bytes) });
    expect((await readFile(String(good?.file))).equals(bytes)).toBe(true);
    expect(bad).toMatchObject({ error: expect.stringContaining('not what was sent') });
    expect(await readdir(folder)).toEqual([`${old.code}-evil.bin`]);
  });
});
