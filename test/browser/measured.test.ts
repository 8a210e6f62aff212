import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, expect, vi } from 'vitest';
import { browsersForTests } from '../support/browsers/chromium.ts';
import { CommandLine, ended, partialBytes } from '../support/clients/command-line.ts';
import { peopleForTests, take } from '../support/clients/sdk.ts';
import { longTest } from '../support/long.ts';
import { processesForTests } from '../support/servers/for-tests.ts';
import { until } from '../support/until.ts';

/**
 * What people wait for, measured and printed. No time is asserted, but that everything arrives, unchanged. On a machine
 * that does nothing else `npm run test:figures` writes docs/figures/page.json, which docs/page.md quotes.
 */
vi.setConfig({ testTimeout: 900_000, hookTimeout: 60_000 });

const processes = processesForTests();
const browsers = browsersForTests();
const people = peopleForTests();
const lines: CommandLine[] = [];

afterEach(async () => {
  await Promise.all(lines.splice(0).map((line) => line.close()));
});
afterAll(async () => {
  if (FIGURES !== null) await writeFile(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
});

const FIGURES =
  process.env.KEYRELAY_FIGURES === '1' ? join(import.meta.dirname, '../../docs/figures/page.json') : null;
const figures: Record<string, string> = {};

function note(what: string, value: string): void {
  figures[what] = value;
  process.stdout.write(`| ${what} | ${value} |\n`);
}

const FILE_BYTES = 5_000_000;
const LARGE_BYTES = 100_000_000;
/** Sent one after the other. */
const MESSAGES = 500;
/** In one conversation. */
const ENTRIES = 10_000;

const mb = (bytes: number) => `${bytes / 1e6} MB`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const rate = (bytes: number, ms: number) => `${seconds(ms)}, ${(bytes / 1000 / ms).toFixed(1)} MB/s`;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};

/** The sender is killed at the first of `interruptAt` (shares of the file), the listener at the second. */
async function byCommandLine(
  bytes: Buffer,
  settings: Record<string, string>,
  interruptAt: readonly number[] = [],
): Promise<number> {
  const relay = await processes.relay(settings);
  const line = new CommandLine(() => relay.http);
  lines.push(line);
  const inbox = line.path('inbox');
  await mkdir(inbox);
  await writeFile(line.path('large.bin'), bytes);
  const bob = await line.codeOf('bob');
  await line.codeOf('alice');
  const listen = () => line.listening('bob', ['--save', inbox]);
  const send = () => {
    const child = line.start('alice', ['send', bob, line.path('large.bin'), '--delivered', '--json']);
    return { child, end: ended(child) };
  };
  let listener = await listen();
  const took = await timed(async () => {
    let sender = send();
    for (const [index, share] of interruptAt.entries()) {
      const far = async () => (await partialBytes(inbox)) > share * bytes.length;
      await until(far, { what: `${share} of it`, timeoutMs: 300_000 });
      const { child, end } = index === 0 ? sender : { child: listener, end: ended(listener) };
      child.kill('SIGKILL');
      await end;
      if (index === 0) sender = send();
      else listener = await listen();
    }
    expect(await sender.end).toMatchObject({ code: 0 });
  });
  await until(async () => (await partialBytes(inbox)) === 0, { what: 'the last part' });
  const [saved = ''] = await readdir(inbox);
  expect(sha256(await readFile(join(inbox, saved)))).toBe(sha256(bytes));
  listener.kill('SIGTERM');
  await relay.kill();
  return took;
}

/** From memory to memory, with both ends in one process: the ceiling of what is above it. */
async function bySdk(bytes: Buffer, settings: Record<string, string>): Promise<number> {
  const relay = await processes.relay(settings);
  const { toBob, toAlice } = await people.acquainted(relay.http);
  const got = Buffer.alloc(bytes.length);
  const read = (from: Buffer) => async (offset: number, length: number) =>
    new Uint8Array(from.subarray(offset, offset + length));
  const took = await timed(async () => {
    const sent = await toBob.sendFile({ name: 'large.bin', size: bytes.length, read: read(bytes) });
    const [message] = await take(toAlice, 1);
    const write = async (offset: number, part: Uint8Array) => got.set(part, offset);
    await toAlice.receiveFile(message?.file?.id ?? '', { write, read: read(got) }).done;
    await sent.done;
  });
  expect(got.equals(bytes)).toBe(true);
  await people.leave();
  await relay.kill();
  return took;
}

longTest('files, from command line to command line, and by the SDK alone', async () => {
  const [file, large] = [randomBytes(FILE_BYTES), randomBytes(LARGE_BYTES)];
  const words = (bytes: Buffer) => mb(bytes.length);
  note(`${words(file)}: command line to command line`, rate(file.length, await byCommandLine(file, {})));
  for (const [at, settings] of [
    ['', {}],
    [', at a relay without limits of one user', { RELAY_BYTES_PER_S: '0', RELAY_ENVELOPES_PER_S: '0' }],
  ] as const) {
    const [line, sdk] = [await byCommandLine(large, settings), await bySdk(large, settings)];
    note(`${words(large)}${at}: command line to command line`, rate(large.length, line));
    const times = (line / sdk).toFixed(2);
    note(
      `${words(large)}${at}: SDK to SDK in one process`,
      `${rate(large.length, sdk)}; ${times} times as fast`,
    );
  }
  const interrupted = await byCommandLine(large, {}, [0.33, 0.66]);
  const killed = 'the sender killed at a third, the listener at two thirds';
  note(`${words(large)}: ${killed}`, rate(large.length, interrupted));
});

longTest('many messages at once, from program to program and from page to page', async () => {
  const relay = await processes.relay();
  const { toBob, toAlice } = await people.acquainted(relay.http);
  const programs = await timed(async () => {
    for (let number = 0; number < MESSAGES; number++) void toBob.send(`Message ${number}`);
    expect((await take(toAlice, MESSAGES)).at(-1)?.body).toBe(`Message ${MESSAGES - 1}`);
  });
  note(`${MESSAGES} messages, program to program`, seconds(programs));
  const { alice, bob } = await browsers.talking(relay.http);
  await alice.sees('Hello Bob', 'read');
  const send = `(() => {
    const text = document.querySelector('#text');
    for (let number = 0; number < ${MESSAGES}; number++) {
      text.value = 'Message ' + number + '.';
      document.querySelector('#compose').requestSubmit();
    }
  })()`;
  const begin = performance.now();
  note(
    `${MESSAGES} messages, page to page: on the sender’s screen`,
    seconds(await timed(() => alice.page.evaluate(send))),
  );
  await bob.page
    .locator('.message.theirs', { hasText: `Message ${MESSAGES - 1}.` })
    .waitFor({ timeout: 600_000 });
  note(`${MESSAGES} messages, page to page: on the other’s`, seconds(performance.now() - begin));
});

longTest('a long conversation: to open it, what it takes, and a new message in it', async () => {
  const relay = await processes.relay();
  const { alice, bob, bobsCode } = await browsers.talking(relay.http);
  await alice.sees('Hello Bob', 'read');
  const session = await alice.context.newCDPSession(alice.page);
  const heapMb = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return ((await session.send('Runtime.getHeapUsage')).usedSize / 1e6).toFixed(1);
  };
  const open = (text: string) =>
    timed(async () => {
      await alice.page.reload();
      await alice.page.locator('.message', { hasText: text }).first().waitFor();
    });
  /** Until it is laid out, in ms: the median of 50. */
  const perMessage = async (name: string) => {
    const ms = (await alice.page.evaluate(`(async () => {
      const times = [];
      for (let number = 0; number < 50; number++) {
        document.querySelector('#text').value = '${name} ' + number + '.';
        const begin = performance.now();
        document.querySelector('#compose').requestSubmit();
        document.querySelector('#messages').getBoundingClientRect();
        times.push(performance.now() - begin);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      return times.sort((left, right) => left - right)[25];
    })()`)) as number;
    await bob.hears(`${name} 49.`);
    return `${ms.toFixed(1)} ms`;
  };
  const few = [seconds(await open('Hello Bob')), `${await heapMb()} MB`, await perMessage('Few')];
  await alice.remembers(bobsCode, ENTRIES);
  const many = [seconds(await open(`Entry ${ENTRIES} `)), `${await heapMb()} MB`];
  await alice.is('live');
  many.push(await perMessage('Many'));
  for (const [index, what] of ['open the page in it', 'heap', 'a new message'].entries())
    note(
      `a conversation of 1 message, of ${ENTRIES.toLocaleString('en')}: ${what}`,
      `${few[index]}, ${many[index]}`,
    );
});
