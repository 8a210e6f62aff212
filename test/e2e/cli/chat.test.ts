import { describe, expect, test } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { commandLineForTests, ended, jsonRows, written } from '../../support/clients/command-line.ts';
import { rowsOf } from '../../support/documents/terminal.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const relay = relayForTests();
const people = commandLineForTests(() => relay.http);

const notesOf = (text: string) => jsonRows(text).flatMap(({ note }) => (note as string | undefined) ?? []);
const bodiesOf = (text: string) => jsonRows(text).flatMap(({ body }) => body ?? []);

test('two terminals talk, and programs read nothing but JSON', async () => {
  const [eve, frank] = [await people.codeOf('eve'), await people.codeOf('frank')];
  const left = people.start('eve', ['chat', frank, '--json']);
  const right = people.start('frank', ['chat', eve, '--json']);
  const [atLeft, atRight] = [written(left.stdout), written(right.stdout)];
  left.stdin.write('hello\n');
  await until(() => atRight.text.includes('"body":"hello"'), { what: 'hello', timeoutMs: 20_000 });
  right.stdin.write('hello yourself\n');
  await until(() => atLeft.text.includes('"body":"hello yourself"'), { what: 'an answer' });
  left.stdin.write('/number\n');
  await until(() => /"note":"(\d{5} ){11}\d{5}"/.test(atLeft.text), { what: 'the number' });
  // What looks like a command is never sent to the other; a second slash sends it.
  const asked = [
    '/help',
    ' /help',
    '/HELP me',
    '/nonsense',
    '/',
    '/trust',
    '/file',
    '/file no-such-file',
    '/timer soon',
  ];
  left.stdin.write(`${asked.join('\n')}\n//shrug\n`);
  await until(() => atRight.text.includes('"body":"/shrug"'), { what: 'the escaped slash' });
  const notes = notesOf(atLeft.text);
  expect(notes.filter((note) => note.startsWith('/number '))).toHaveLength(3);
  for (const part of [
    'There is no /nonsense:',
    'There is no /:',
    '/trust: their key',
    '/file: which',
    'there is no such file',
    '/timer: after',
  ])
    expect(
      notes.filter((note) => note.includes(part)),
      part,
    ).toHaveLength(1);
  // The greeting of each, and what was said: nothing else has come.
  expect(bodiesOf(atRight.text)).toEqual(['hello', '/shrug']);
  left.stdin.write('/timer 1h\ngone soon\n');
  await until(() => atRight.text.includes('"gone soon"'), { what: 'a message that disappears' });
  expect(atRight.text).toMatch(/"body":"gone soon",.*"expiresS":3600/);
  expect(bodiesOf(atRight.text)).toContain('Messages disappear 1 hour after they are read.');
  for (const each of atLeft.text.trim().split('\n')) expect(() => JSON.parse(each), each).not.toThrow();
  const ending = Promise.all([ended(left), ended(right)]);
  left.stdin.write('/quit now\n');
  right.stdin.end();
  expect((await ending).map(({ code }) => code)).toEqual([0, 0]);
});

test('in a terminal each message stands once, and its mark changes where it is', async () => {
  const [gina, hugo] = [await people.codeOf('gina'), await people.codeOf('hugo')];
  const other = people.start('hugo', ['chat', gina, '--json']);
  const heard = written(other.stdout);
  const child = people.startInTerminal('gina', ['chat', hugo]);
  const screen = written(child.stdout);
  await until(() => screen.text.includes('/help lists'), { what: 'the first line', timeoutMs: 20_000 });
  for (const [index, text] of ['one', 'two'].entries()) {
    child.stdin.write(`${text}\n`);
    await until(() => heard.text.includes(`"body":"${text}"`), { what: text, timeoutMs: 20_000 });
    await until(() => rowsOf(screen.text).filter((row) => row.startsWith('  *  ')).length === index + 1, {
      what: `${text} to be read`,
    });
  }
  other.stdin.write('three\n');
  await until(() => screen.text.includes('three'), { what: 'three' });
  const rows = rowsOf(screen.text).filter((row) => /one|two|three/.test(row));
  expect(rows).toEqual(['  *  one', '  *  two', `${hugo}  three`]);
  child.stdin.write('\u0003');
  expect((await ended(child)).code).toBe(0);
  other.stdin.end();
});

describe('without a relay', () => {
  test('what is written to a known contact waits, and the exit code says so', async () => {
    const port = await freePort();
    const node = await processes.relay({ RELAY_PORT: `${port}` });
    const env = { RELAY_URL: node.http };
    const [kim] = jsonRows((await people.run('kim', ['identity', '--json'], { env })).out);
    const code = String(kim?.code);
    const first = people.start('lea', ['chat', code, '--json'], env);
    const shown = written(first.stdout);
    await until(() => shown.text.includes('"other"'), { what: 'the conversation', timeoutMs: 20_000 });
    first.stdin.end();
    await ended(first);
    await node.kill();

    const { out, err, ...exit } = await people.run('lea', ['chat', code], { env, input: 'for later\n' });
    expect(exit).toEqual({ code: 3 });
    expect(err).toMatch(/offline: .*nothing listens there/i);
    expect(err).toContain('1 message waits');
    // A pipe gets no codes that steer a terminal.
    expect(out + err).not.toContain('\u001b');
  });
});
