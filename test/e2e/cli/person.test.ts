import * as fs from 'node:fs/promises';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { loadIdentity } from '../../../src/cli/person/account/identity-file.ts';
import { sealedLines } from '../../../src/cli/person/account/sealed-lines.ts';
import {
  commandLineForTests,
  ended,
  jsonLines,
  jsonRows,
  written,
} from '../../support/clients/command-line.ts';
import { longTest } from '../../support/long.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const relay = relayForTests();
const people = commandLineForTests(() => relay.http);

describe('an identity', () => {
  test('is made once, for its owner alone, and has one code', async () => {
    const code = await people.codeOf('ida');
    expect(code).toMatch(/^[0-9A-Z]{7}$/);
    expect(await people.codeOf('ida')).toBe(code);
    expect((await stat(people.path('ida'))).mode & 0o777).toBe(0o600);
    const shown = await people.run('ida', ['identity']);
    expect(shown.out).toContain(code);
  });

  longTest(
    'under a passphrase opens with it alone, and comes back from its export',
    async () => {
      const env = { KEYRELAY_PASSPHRASE: 'correct horse' };
      const made = await people.run('sealed', ['identity', '--export'], { env });
      expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^keyrelay-identity-1:/)]);
      expect(await readFile(people.path('sealed'), 'utf8')).toMatch(/^keyrelay-identity-1:17:/);
      const without = await people.run('sealed', ['identity']);
      expect([without.code, without.err]).toEqual([2, expect.stringContaining('KEYRELAY_PASSPHRASE')]);
      const wrong = await people.run('sealed', ['identity'], { env: { KEYRELAY_PASSPHRASE: 'wrong' } });
      expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('passphrase')]);

      await writeFile(people.path('passphrase'), 'correct horse\nnot this\n');
      const fromFile = { KEYRELAY_PASSPHRASE_FILE: people.path('passphrase') };
      const known = await people.run('sealed', ['identity', '--json'], { env: fromFile });
      expect(known.code).toBe(0);
      const imported = await people.run('moved', ['identity', '--import', '--json'], {
        input: made.out,
        env,
      });
      expect(JSON.parse(imported.out)).toMatchObject({
        code: (JSON.parse(known.out) as { code: string }).code,
      });
      const twice = await people.run('moved', ['identity', '--import'], { input: made.out, env });
      expect([twice.code, twice.err]).toEqual([2, expect.stringContaining('there already')]);
    },
    480_000,
  );

  test('asks for its passphrase at a terminal, and does not show it', async () => {
    const env = { KEYRELAY_PASSPHRASE: 'correct horse' };
    await people.run('typed', ['identity'], { env });
    const child = people.startInTerminal('typed', ['identity', '--json']);
    const shown = written(child.stdout);
    await until(() => shown.text.includes('Passphrase of'), { what: 'the question' });
    child.stdin.write('correct horsx\u007fe\n');
    await until(() => shown.text.includes('"code"'), { what: 'the answer', timeoutMs: 20_000 });
    expect(shown.text).not.toContain('horse');
  });

  test('that is something else is called so, and not encrypted', async () => {
    await writeFile(people.path('garbage'), 'some notes of mine\n');
    const { code, err } = await people.run('garbage', ['identity']);
    expect([code, err]).toEqual([1, expect.stringContaining('is not an identity of keyrelay')]);
  });

  longTest('has another code, and a state of its own, at another relay', async () => {
    const other = await processes.relay();
    const here = await people.codeOf('two');
    const there = await people.run('two', ['identity', '--json', '--url', other.http]);
    expect((JSON.parse(there.out) as { code: string }).code).not.toBe(here);
    // At both at once.
    const [left, right] = [
      await people.listening('two'),
      await people.listening('two', ['--url', other.http]),
    ];
    for (const child of [left, right]) {
      const stopping = ended(child);
      child.kill('SIGTERM');
      expect((await stopping).code).toBe(0);
    }
    expect(await people.codeOf('two')).toBe(here);
    const files = (await readdir(people.folder)).filter((name) => name.startsWith('two.'));
    expect(files.filter((name) => name.endsWith('.state.jsonl'))).toHaveLength(2);
  });

  longTest('goes on with the one state of earlier versions, at the relay that it is of', async () => {
    const alice = await people.codeOf('olivia');
    const listening = await people.listening('olivia');
    expect((await people.run('otto', ['send', alice, '--delivered'], { input: 'before' })).code).toBe(0);
    const first = await jsonLines(listening, 1);
    expect(first[0]).toMatchObject({ body: 'before' });
    listening.kill('SIGTERM');
    await ended(listening);
    const [state = ''] = (await readdir(people.folder)).filter(
      (name) => name.startsWith('olivia.') && name.endsWith('.state.jsonl'),
    );
    const identity = await loadIdentity(people.path('olivia'));
    const lines = await sealedLines(fs, identity).readFile(people.path(state), 'utf8');
    await rm(people.path(state));
    // As they were then: not encrypted.
    await writeFile(people.path('olivia.state.jsonl'), lines);
    // Keys are those of before: nothing has to be agreed anew.
    expect((await people.run('otto', ['send', alice], { input: 'after' })).code).toBe(0);
    const { out } = await people.run('olivia', ['listen', '--count', '1']);
    expect(JSON.parse(out)).toMatchObject({ body: 'after' });
    expect(await readFile(people.path(state), 'utf8')).not.toContain('{');
  });
});

describe('a relay that was set up anew', () => {
  longTest(
    'gets a new registration from each command, which says what that means',
    async () => {
      const settings = { RELAY_PORT: `${await freePort()}` };
      let node = await processes.relay(settings);
      const env = { RELAY_URL: node.http };
      const codeNow = async (who: string) => {
        const { out, err } = await people.run(who, ['identity', '--json'], { env });
        return { code: (JSON.parse(out) as { code: string }).code, err };
      };
      const [before, beforePeer] = [(await codeNow('fay')).code, (await codeNow('gus')).code];
      const listening = people.start('gus', ['listen', '--count', '1'], env);
      await people.run('fay', ['send', beforePeer, '--delivered'], { input: 'x', env });
      await ended(listening);

      const forgetful = people.start('gus', ['listen'], env);
      const said = written(forgetful.stderr);
      await until(() => said.text.includes('listening as'), { what: 'the first listening' });
      await node.kill();
      node = await processes.relay(settings);
      // One that runs says so and goes on with its new code.
      await until(() => said.text.split('listening as').length === 3, {
        what: 'the new code',
        timeoutMs: 60_000,
      });
      expect(said.text).toContain('has forgotten you');
      const peer = /listening as (\w+).*listening as (\w+)/s.exec(said.text)?.[2] ?? '';
      expect(peer).not.toBe(beforePeer);

      const after = await codeNow('fay');
      expect(after.code).not.toBe(before);
      expect(after.err).toContain(`${before} no longer belongs to anybody`);
      expect((await codeNow('fay')).err).toBe('');
      expect(await people.run('fay', ['send', peer, '--delivered'], { input: 'again', env })).toMatchObject({
        code: 0,
      });
      expect((await people.run('fay', ['ping', '--count', '1'], { env })).code).toBe(0);
      forgetful.kill('SIGTERM');
      expect((await readdir(people.folder)).filter((name) => name.includes('.forgotten-'))).toHaveLength(2);
    },
    480_000,
  );
});

describe('what is piped to send', () => {
  test('comes out of listen, in order, also when listen starts later', async () => {
    const bob = await people.codeOf('bob');
    // The first time, both have to be there: keys are agreed by a request and an answer.
    const first = await people.listening('bob', ['--count', '1']);
    const firstEnded = ended(first);
    expect(await people.run('alice', ['send', bob, '--delivered'], { input: 'first' })).toMatchObject({
      code: 0,
    });
    await firstEnded;
    for (const input of ['one', 'zwei – ü 🙂', '3\n']) {
      expect(await people.run('alice', ['send', bob], { input })).toMatchObject({ code: 0 });
    }
    const listened = await people.run('bob', ['listen', '--count', '3']);
    const alice = await people.codeOf('alice');
    expect(jsonRows(listened.out).map(({ from, body }) => [from, body])).toEqual([
      [alice, 'one'],
      [alice, 'zwei – ü 🙂'],
      [alice, '3\n'],
    ]);
    expect(listened.code).toBe(0);
  });
});

test('ping times each step', async () => {
  const { code, out } = await people.run('gil', ['ping', '--count', '3', '--json']);
  const steps = jsonRows(out);
  expect(code).toBe(0);
  expect(steps.map(({ step }) => step)).toEqual(['lookup', 'login', 'round', 'round', 'round']);
  for (const { acceptedMs, deliveredMs } of steps.slice(2)) {
    expect(Number(acceptedMs)).toBeGreaterThan(0);
    expect(Number(deliveredMs)).toBeGreaterThan(0);
  }
});

describe('what went wrong is an exit code and a sentence', () => {
  let dead = '';
  beforeAll(async () => {
    dead = `http://127.0.0.1:${await freePort()}`;
  });

  test.each([
    ['an unknown code', ['send', '0000000'], 4, 'No user has the code', false],
    ['text that is not a code', ['send', 'nobody'], 1, 'A code is 7', false],
    ['a relay that is not there, for send', ['send', 'E011T7D'], 3, 'nothing listens there', true],
    ['for listen', ['listen'], 3, 'nothing listens there', true],
    ['for chat', ['chat', 'E011T7D'], 3, 'nothing listens there', true],
    ['for ping', ['ping'], 3, 'nothing listens there', true],
    ['for identity', ['identity'], 3, 'nothing listens there', true],
    ['no code', ['send'], 2, 'send takes a CODE', false],
    [
      'an option that does not exist',
      ['listen', '--never'],
      2,
      'there is no option --never: there are --url',
      {},
    ],
    ['an option without its value', ['listen', '--count'], 2, '--count needs a value', false],
    ['a value that an option does not take', ['listen', '--json=1'], 2, '--json takes no value', false],
    ['text that is not a number', ['listen', '--count', 'x'], 2, '--count is a number above 0', false],
    ['a file that is not there', ['send', 'E011T7D', '/no/such/file'], 1, 'there is no such file', false],
    [
      'text that is not a code of receive',
      ['receive', '--yes', 'E011T7D'],
      2,
      'is not a code from keyrelay send',
      false,
    ],
    [
      'a word that codes are not made of',
      ['receive', '--yes', 'E011T7D-ocean-kangarooo'],
      2,
      'is not a word that codes',
      false,
    ],
    ['receive without a terminal to ask at', ['receive', 'E011T7D-ocean-lunar'], 2, '--yes', false],
    ['text that is not a URL', ['ping', '--url', 'relay.example'], 1, "A relay's URL", false],
  ])('%s', async (_, args, exit, words, away) => {
    const env: Record<string, string> = away ? { RELAY_URL: dead } : {};
    const { code, err } = await people.run('alice', args, { input: 'x', env });
    expect({ code, err }).toEqual({ code: exit, err: expect.stringContaining(words) });
    // Never a stack, nor the words of a parser about itself.
    expect(err).not.toMatch(/^\s+at |positional argument|AbortSignal/m);
  });

  test('a second process of the same identity', async () => {
    const listening = await people.listening('alice');
    const second = await people.run('alice', ['listen']);
    expect([second.code, second.err]).toEqual([6, expect.stringContaining('in use by process')]);
    const stopping = ended(listening);
    const startedMs = performance.now();
    listening.kill('SIGINT');
    expect((await stopping).code).toBe(0);
    // A flush after Ctrl-C may take 0.2 s, not the 2 s of an ordinary end.
    expect(performance.now() - startedMs).toBeLessThan(1_900);
  });
});

test('completion knows every command and its options', async () => {
  const { out } = await people.run('alice', ['completion', 'bash']);
  expect(out).toMatch(/send\) words="--delivered --file --name --timeout --invite --url/);
  for (const shell of ['zsh', 'fish']) {
    expect((await people.run('alice', ['completion', shell])).out).toContain('listen');
  }
  expect((await people.run('alice', ['completion', 'tcsh'])).code).toBe(2);
});
