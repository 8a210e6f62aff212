import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from 'vitest';
import { approached, People, type Person, take } from '../../../support/clients/sdk.ts';
import { folderForTests } from '../../../support/folder.ts';
import { longTest } from '../../../support/long.ts';
import { processesForTests, relayForTests } from '../../../support/servers/for-tests.ts';
import { pythonWithPackages } from '../../../support/services/python.ts';
import { until } from '../../../support/until.ts';

const CLIENT = join(import.meta.dirname, '../../../../docs/clients/python/keyrelay.py');
const PYTHON = pythonWithPackages();
const folder = folderForTests();
const processes = processesForTests();
const relay = relayForTests();
const people = new People();
const running: PythonClient[] = [];
afterAll(async () => {
  for (const each of running) each.stop();
  await people.leave();
});

/** The client as docs/clients.md starts it. */
class PythonClient {
  readonly lines: Record<string, unknown>[] = [];
  errors = '';
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(name: string, url: string, ...code: string[]) {
    this.#child = spawn(PYTHON, [CLIENT, url, join(folder, `${name}.json`), ...code]);
    createInterface(this.#child.stdout).on('line', (line) => this.lines.push(JSON.parse(line)));
    this.#child.stderr.on('data', (chunk) => {
      this.errors += String(chunk);
    });
    running.push(this);
  }

  async code(): Promise<string> {
    await until(() => this.lines.length > 0 || this.errors !== '', { what: 'the code' });
    expect(this.errors).toBe('');
    return String(this.lines[0]?.code);
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  async hears(body: unknown): Promise<void> {
    const heard = () => this.lines.some((line) => JSON.stringify(line.body) === JSON.stringify(body));
    await until(() => heard() || this.errors !== '', { what: JSON.stringify(body) });
    expect(this.errors).toBe('');
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

test('Python begins, the SDK answers, and both talk', async () => {
  const alice = await people.join(relay.http);
  const coming = approached(alice);
  const bob = new PythonClient('bob', relay.http, alice.code);
  bob.say('Grüße aus Python 🐍');
  const toBob = await coming;
  expect(toBob.code).toBe(await bob.code());
  expect((await take(toBob, 1)).map(({ body }) => body)).toEqual(['Grüße aus Python 🐍']);
  const delivered = new Promise((resolve) => toBob.on('delivered', resolve));
  const id = await toBob.send({ back: ['to', 'you'], ü: '🙂' });
  await bob.hears({ back: ['to', 'you'], ü: '🙂' });
  expect(await delivered).toEqual({ id });
});

test('the SDK begins, Python answers, and what was sent while it lost its keys arrives under new ones', async () => {
  const alice = await people.join(relay.http);
  const bob = new PythonClient('carol', relay.http);
  const toBob = await alice.relay.startConversation(await bob.code());
  const gaps: number[] = [];
  toBob.on('gap', ({ missing }) => gaps.push(missing));
  for (let number = 0; number < 50; number++) await toBob.send(number);
  await bob.hears(49);
  expect(bob.lines.slice(1).map(({ body }) => body)).toEqual(
    Array.from({ length: 50 }, (_, number) => number),
  );

  bob.stop();
  await toBob.send('under keys that are lost');
  const again = new PythonClient('carol', relay.http);
  await again.hears('under keys that are lost');
  await toBob.send('under new keys');
  await again.hears('under new keys');
});

/** Python's code and the other's, in this order. */
async function pythonAnd(smaller: 'Python' | 'SDK', url: string): Promise<{ name: string; alice: Person }> {
  for (let number = 0; ; number++) {
    const name = `${smaller}${number}`;
    const bob = new PythonClient(name, url);
    const alice = await people.join(url);
    const fits = (await bob.code()) < alice.code === (smaller === 'Python');
    bob.stop();
    if (fits) return { name, alice };
  }
}

describe.each(['Python', 'SDK'] as const)('where the smaller code is that of %s', (smaller) => {
  const played = smaller === 'SDK' ? longTest : test;

  played(
    'a request that ran out in the mailbox keeps neither from writing',
    async () => {
      const short = await processes.relay({ RELAY_MAILBOX_TTL: '1' });
      const { name, alice } = await pythonAnd(smaller, short.http);
      const { code, identity, storage } = alice;
      await alice.relay.close();
      // Python asks a peer who is away, until the request has run out.
      const bob = new PythonClient(name, short.http, code);
      bob.say('never read');
      const bobCode = await bob.code();
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const back = await people.join(short.http, { identity, storage });
      await (await back.relay.startConversation(bobCode)).send('read');
      await bob.hears('read');
      const [toBob] = back.relay.conversations;
      if (toBob === undefined) throw new Error('no conversation');
      expect((await take(toBob, 1)).map(({ body }) => body)).toEqual(['never read']);
      bob.say('and back');
      expect((await take(toBob, 1)).map(({ body }) => body)).toEqual(['and back']);
    },
    60_000,
  );

  played(
    'requests that cross keep neither from writing',
    async () => {
      const { name, alice } = await pythonAnd(smaller, relay.http);
      const { code, identity, storage } = alice;
      await alice.relay.close();
      const bob = new PythonClient(name, relay.http, code);
      bob.say('from Python');
      const bobCode = await bob.code();
      const back = await people.join(relay.http, { identity, storage });
      const toBob = await back.relay.startConversation(bobCode);
      await toBob.send('from the SDK');
      await bob.hears('from the SDK');
      expect((await take(toBob, 1)).map(({ body }) => body)).toEqual(['from Python']);
    },
    60_000,
  );
});

test('what the SDK cannot read, because it has lost its keys, Python sends again', async () => {
  const alice = await people.join(relay.http);
  const coming = approached(alice);
  const bob = new PythonClient('frank', relay.http, alice.code);
  bob.say('before');
  await take(await coming, 1);
  await alice.relay.close();
  bob.say('under keys that are lost');
  const again = await people.join(relay.http, { identity: alice.identity });
  // What was not acknowledged yet when the keys were lost comes again, too.
  for await (const { body } of await approached(again)) if (body === 'under keys that are lost') break;
});

test('Python and Python', async () => {
  const bob = new PythonClient('dave', relay.http);
  const alice = new PythonClient('erin', relay.http, await bob.code());
  for (const line of ['one', 'two', 'three']) alice.say(line);
  await bob.hears('three');
  expect(bob.lines.slice(1)).toEqual(
    ['one', 'two', 'three'].map((body) => ({ from: alice.lines[0]?.code, body })),
  );
});

test('Python computes every vector of version 2 between the peers, with libraries that the SDK does not use', () => {
  const checked = execFileSync(PYTHON, [
    join(import.meta.dirname, '../../../support/keys/peer_vectors.py'),
    join(import.meta.dirname, '../../../../docs/vectors/peers.json'),
  ]);
  expect(Number(checked)).toBeGreaterThan(90);
});

test('it is short enough to be read', () => {
  const lines = readFileSync(CLIENT, 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(225);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
});
