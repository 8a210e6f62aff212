import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Processes } from '../../support/servers/processes.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

const MAIN = join(import.meta.dirname, '../../../dist/cli/main.js');
const processes = new Processes();
const running: ChildProcessWithoutNullStreams[] = [];
let relay: RelayNode;
let folder = '';

beforeAll(async () => {
  relay = await processes.relay();
  folder = await mkdtemp(join(tmpdir(), 'keyrelay-'));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await processes.stop();
  await rm(folder, { recursive: true });
});

function start(
  who: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [MAIN, ...args, '--identity', join(folder, who)], {
    env: { ...process.env, RELAY_URL: relay.http, ...env },
  });
  running.push(child);
  return child;
}

/** Runs a command to its end. */
async function run(
  who: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = start(who, args, options.env);
  child.stdin.end(options.input ?? '');
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, err };
}

async function codeOf(who: string): Promise<string> {
  const { out } = await run(who, ['identity', '--json']);
  return (JSON.parse(out) as { code: string }).code;
}

/** The JSON lines of a program, once there are so many. */
async function lines(
  child: ChildProcessWithoutNullStreams,
  count: number,
): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let rest = '';
  for await (const chunk of child.stdout) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    found.push(
      ...parts
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    if (found.length >= count) break;
  }
  return found;
}

test('an identity is made once, for its owner alone, and has one code', async () => {
  const code = await codeOf('ida');
  expect(code).toMatch(/^[0-9A-Z]{7}$/);
  expect(await codeOf('ida')).toBe(code);
  expect((await stat(join(folder, 'ida'))).mode & 0o777).toBe(0o600);
  const shown = await run('ida', ['identity']);
  expect(shown.out).toContain(code);
});

test('an identity under a passphrase opens with it alone, and can be exported', async () => {
  const env = { KEYRELAY_PASSPHRASE: 'correct horse' };
  const made = await run('sealed', ['identity', '--export'], { env });
  expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^keyrelay-identity-1:/)]);
  expect(await readFile(join(folder, 'sealed'), 'utf8')).toMatch(/^keyrelay-identity-1:17:/);
  expect((await run('sealed', ['identity'])).code).toBe(2);
  const wrong = await run('sealed', ['identity'], { env: { KEYRELAY_PASSPHRASE: 'wrong' } });
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('passphrase')]);
}, 40_000);

test('what is piped to send comes out of listen, in order, also when listen starts later', async () => {
  const bob = await codeOf('bob');
  // The first time, both have to be there: keys are agreed by a request and an answer.
  const first = start('bob', ['listen', '--count', '1']);
  const firstEnded = new Promise((resolve) => first.on('exit', resolve));
  expect(await run('alice', ['send', bob, '--delivered'], { input: 'first' })).toMatchObject({ code: 0 });
  await firstEnded;
  for (const input of ['one', 'zwei – ü 🙂', '3\n']) {
    expect(await run('alice', ['send', bob], { input })).toMatchObject({ code: 0 });
  }
  const listened = await run('bob', ['listen', '--count', '3']);
  const alice = await codeOf('alice');
  const said = listened.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(said.map(({ from, body }) => [from, body])).toEqual([
    [alice, 'one'],
    [alice, 'zwei – ü 🙂'],
    [alice, '3\n'],
  ]);
  expect(listened.code).toBe(0);
}, 40_000);

test('a file arrives as it was', async () => {
  const carol = await codeOf('carol');
  const bytes = randomBytes(200_000);
  const path = join(folder, 'data set.bin');
  await writeFile(path, bytes);
  const listening = start('carol', ['listen', '--count', '1', '--save', join(folder, 'saved')]);
  const line = lines(listening, 1);
  const sent = await run('dora', ['send', carol, path, '--json', '--delivered']);
  expect(sent).toMatchObject({ code: 0 });
  expect(JSON.parse(sent.out)).toMatchObject({ to: carol, messages: 7 });
  const [saved] = await line;
  expect(saved).toMatchObject({
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  expect((await readFile(String(saved?.file))).equals(bytes)).toBe(true);
}, 40_000);

test('a file on its way shows how far it is, in a terminal', async () => {
  const hana = await codeOf('hana');
  await writeFile(join(folder, 'big.bin'), randomBytes(90_000));
  const listening = start('hana', ['listen', '--count', '1', '--save', join(folder, 'saved')]);
  const line = lines(listening, 1);
  // util-linux's script gives it a terminal, as there is on every Debian.
  const send = [
    process.execPath,
    MAIN,
    'send',
    hana,
    join(folder, 'big.bin'),
    '--identity',
    join(folder, 'ivo'),
  ];
  const child = spawn('script', ['-qec', send.map((word) => `'${word}'`).join(' '), '/dev/null'], {
    env: { ...process.env, RELAY_URL: relay.http },
  });
  running.push(child);
  const shown = (await text(child.stdout)).split('\r').map((each) => each.trim());
  const percents = shown.flatMap((each) => /^big\.bin: (\d+) % stored/.exec(each)?.[1] ?? []).map(Number);
  expect(percents).toEqual([33, 66, 100]);
  expect(shown.join('\n')).toContain('(3 of 3 parts)');
  expect((await line)[0]).toMatchObject({ size: 90_000 });
}, 40_000);

test('two terminals talk', async () => {
  const [eve, frank] = [await codeOf('eve'), await codeOf('frank')];
  const left = start('eve', ['chat', frank, '--json']);
  const right = start('frank', ['chat', eve, '--json']);
  const heard = (child: ChildProcessWithoutNullStreams, body: string) =>
    new Promise<void>((resolve) => {
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
        if (output.includes(`"body":"${body}"`)) resolve();
      });
    });
  const [atRight, atLeft] = [heard(right, 'hello'), heard(left, 'hello yourself')];
  left.stdin.write('hello\n');
  await atRight;
  right.stdin.write('hello yourself\n');
  await atLeft;
  // Nothing but JSON, for a program that reads.
  let more = '';
  left.stdout.on('data', (chunk) => {
    more += String(chunk);
  });
  left.stdin.write('/number\n');
  await until(() => more.includes('note'), { what: 'the number' });
  for (const each of more.trim().split('\n')) expect(() => JSON.parse(each), each).not.toThrow();
  const ended = Promise.all(
    [left, right].map((child) => new Promise((resolve) => child.on('exit', resolve))),
  );
  left.stdin.write('/quit\n');
  right.stdin.end();
  expect(await ended).toEqual([0, 0]);
}, 40_000);

test('ping times each step', async () => {
  const { code, out } = await run('gil', ['ping', '--count', '3', '--json']);
  const steps = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(0);
  expect(steps.map(({ step }) => step)).toEqual(['lookup', 'login', 'round', 'round', 'round']);
  for (const { acceptedMs, deliveredMs } of steps.slice(2)) {
    expect(Number(acceptedMs)).toBeGreaterThan(0);
    expect(Number(deliveredMs)).toBeGreaterThan(0);
  }
});

test('what went wrong is an exit code and a sentence', async () => {
  const nobody = await run('alice', ['send', '0000000'], { input: 'x' });
  expect([nobody.code, nobody.err]).toEqual([4, expect.stringContaining('No user has the code')]);
  const away = await run('alice', ['ping', '--url', 'http://127.0.0.1:1']);
  expect([away.code, away.err]).toEqual([3, expect.stringContaining('cannot be reached')]);
  expect((await run('alice', ['send'])).code).toBe(2);
  expect((await run('alice', ['listen', '--never'])).code).toBe(2);

  const listening = start('alice', ['listen']);
  await new Promise<void>((resolve) => {
    listening.stderr.on('data', (chunk) => String(chunk).includes('listening as') && resolve());
  });
  const second = await run('alice', ['listen']);
  expect([second.code, second.err]).toEqual([6, expect.stringContaining('in use by process')]);
  const ended = new Promise((resolve) => listening.on('exit', resolve));
  listening.kill('SIGTERM');
  expect(await ended).toBe(0);
}, 40_000);
