import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import {
  CommandLine,
  commandLineForTests,
  ended,
  partialBytes,
  written,
} from '../../support/clients/command-line.ts';
import { longTest } from '../../support/long.ts';
import { makeKeys, postUser, registrationOf } from '../../support/plain/users.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const relay = relayForTests();
const people = commandLineForTests(() => relay.http);

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A file or files sent by code, once there is one. */
async function offering(...files: string[]): ReturnType<typeof offeringBy> {
  return offeringBy(people, files);
}

async function offeringBy(
  people: CommandLine,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ child: ChildProcessWithoutNullStreams; code: string; end: ReturnType<typeof ended> }> {
  const child = people.start('sender', ['send', ...args], env);
  const end = ended(child);
  const shown = written(child.stdout);
  await until(() => shown.text.includes('\n'), { what: 'the code', timeoutMs: 30_000 });
  return { child, code: /keyrelay receive (\S+)/.exec(shown.text)?.[1] ?? '', end };
}

const receive = (code: string, into: string) => ['receive', code, '--yes', '--into', people.path(into)];

describe('a code for one transfer', () => {
  test('brings a file and a folder to a recipient without an identity, and leaves none behind', async () => {
    const bytes = randomBytes(300_000);
    await writeFile(people.path('notes.pdf'), bytes);
    await mkdir(people.path('photos/deep'), { recursive: true });
    await writeFile(people.path('photos/deep/ä.txt'), 'Ä');
    await writeFile(people.path('photos/empty'), '');
    await symlink('/etc/passwd', people.path('photos/link'));
    const { code, end } = await offering(people.path('notes.pdf'), people.path('photos'));
    expect(code).toMatch(/^[0-9A-Z]{7}-[a-z]+-[a-z]+$/);
    await mkdir(people.path('here/photos'), { recursive: true });
    await writeFile(people.path('here/photos/mine'), 'mine');
    // As people type it.
    const [user = '', one = '', two = ''] = code.split('-');
    const typed = `${user.toLowerCase()} ${one.toUpperCase()} ${two.slice(0, 4)}`;
    const received = await people.run('recipient', receive(typed, 'here'));
    expect(received).toMatchObject({ code: 0 });
    expect(received.out).toContain(sha256(bytes));
    expect(await end).toMatchObject({ code: 0 });
    expect((await readFile(people.path('here/notes.pdf'))).equals(bytes)).toBe(true);
    expect(await readFile(people.path('here/photos (2)/deep/ä.txt'), 'utf8')).toBe('Ä');
    expect((await readdir(people.path('here/photos (2)'))).sort()).toEqual(['deep', 'empty']);
    expect((await readdir(people.path('here'))).sort()).toEqual(['notes.pdf', 'photos', 'photos (2)']);
    expect(await readdir(people.path('once'))).toEqual([]);
    expect(await readdir(people.folder)).not.toContain('recipient');
  }, 120_000);

  longTest(
    'takes an invitation on each side, and gives both accounts back to the relay',
    async () => {
      const small = await processes.relay({
        RELAY_REGISTRATION: 'invite',
        RELAY_MAX_USERS: '2',
        RELAY_ADMIN_TOKEN: ADMIN_TOKEN,
      });
      const others = new CommandLine(() => small.http);
      try {
        const { json } = await admin(small, 'POST', '/v1/invitations', { uses: 4 });
        const { token } = json as { token: string };
        await writeFile(others.path('notes.txt'), 'notes');
        const refused = await others.run('sender', ['send', others.path('notes.txt')]);
        expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('invitation') });
        const args = ['--invite', `${small.http}/#invite=${token}`, others.path('notes.txt')];
        const { code, end } = await offeringBy(others, args);
        const into = others.path('here');
        const invited = ['receive', code, '--yes', '--into', into, '--invite', token];
        expect(await others.run('recipient', invited)).toMatchObject({ code: 0 });
        expect(await end).toMatchObject({ code: 0 });
        expect(await readFile(join(into, 'notes.txt'), 'utf8')).toBe('notes');
        expect((await fetch(`${small.http}/users/${code.split('-')[0]}`)).status).toBe(410);
        // Both places are free again.
        for (let n = 0; n < 2; n += 1) {
          const body = registrationOf(makeKeys(), { invite: token });
          expect((await postUser(small.http, body)).status).toBe(201);
        }
      } finally {
        await others.close();
      }
    },
    90_000,
  );

  test('can be tried once: a wrong one ends it on both sides', async () => {
    await writeFile(people.path('secret.txt'), 'secret');
    const { code, end } = await offering(people.path('secret.txt'));
    const [user, word] = code.split('-');
    const wrong = `${user}-${word}-${code.endsWith('-ocean') ? 'lunar' : 'ocean'}`;
    const tried = await people.run('thief', receive(wrong, 'stolen'));
    expect(tried).toMatchObject({ code: 1, err: expect.stringContaining('code is wrong') });
    expect(await end).toMatchObject({ code: 1, err: expect.stringContaining('nothing was sent') });
    expect(await readdir(people.path('stolen')).catch(() => [])).toEqual([]);
  }, 90_000);

  test('goes on after one side was interrupted and the other killed', async () => {
    // At this rate it takes ten seconds: on a busy machine, too, it is under way when it is interrupted.
    const slow = await processes.relay({ RELAY_BYTES_PER_S: '600000' });
    const env = { RELAY_URL: slow.http };
    const bytes = randomBytes(4_000_000);
    await writeFile(people.path('large.bin'), bytes);
    let sender = await offeringBy(people, [people.path('large.bin')], env);
    const { code } = sender;
    const recipient = people.start('recipient', receive(code, 'large'), env);
    const stopped = ended(recipient);
    await until(async () => (await partialBytes(people.path('large'))) > 500_000, {
      what: 'a part',
      timeoutMs: 60_000,
    });
    recipient.kill('SIGINT');
    expect(await stopped).toMatchObject({ code: 1, err: expect.stringContaining('Interrupted') });
    const back = people.start('recipient', receive(code, 'large'), env);
    const end = ended(back);
    await until(async () => (await partialBytes(people.path('large'))) > 1_500_000, {
      what: 'more',
      timeoutMs: 60_000,
    });
    sender.child.kill('SIGKILL');
    await sender.end;
    const again = people.start('sender', ['send', people.path('large.bin')], env);
    sender = { ...sender, child: again, end: ended(again) };
    expect(await end).toMatchObject({ code: 0, out: expect.stringContaining(sha256(bytes)) });
    expect(await sender.end).toMatchObject({ code: 0, err: expect.stringMatching(/going on, \d/) });
    expect((await readFile(people.path('large/large.bin'))).equals(bytes)).toBe(true);
  }, 180_000);

  test('asks before it writes, and tells the sender of a no', async () => {
    await writeFile(people.path('unwanted.txt'), 'unwanted');
    const { code, end } = await offering(people.path('unwanted.txt'));
    const terminal = people.startInTerminal('recipient', ['receive', code, '--into', people.path('none')]);
    const shown = written(terminal.stdout);
    await until(() => shown.text.includes('[Y/n]'), { what: 'the question', timeoutMs: 30_000 });
    expect(shown.text).toContain('unwanted.txt  8 bytes');
    terminal.stdin.write('n\n');
    expect(await end).toMatchObject({ code: 1, err: expect.stringContaining('do not want it') });
    expect(await readdir(people.path('none')).catch(() => [])).toEqual([]);
  }, 90_000);
});
