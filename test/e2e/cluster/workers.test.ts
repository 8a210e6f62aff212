import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { Child } from '../../../src/cli/dev/child.ts';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { childrenOf, isRunning } from '../../support/proc.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/** `keyrelay serve --workers`: several processes on one port. */

const redis = redisForTests();
const processes = processesForTests();
let supervisor: Child;
let port: number;

beforeAll(async () => {
  port = await freePort();
  supervisor = await serve(['--workers', '2'], {
    RELAY_REDIS_URL: redis.url,
    RELAY_PORT: `${port}`,
    RELAY_NODE_ID: 'host',
    RELAY_UPGRADES_PER_S: '0',
    RELAY_REGISTRATIONS_PER_MIN: '0',
    RELAY_DRAIN_MS: '200',
  });
  await until(() => listening().length === 2, { what: 'two workers to listen', timeoutMs: 40_000 });
});

function serve(args: readonly string[], settings: Record<string, string>): Promise<Child> {
  return processes.keyrelay(['serve', ...args], { RELAY_ADMIN_PORT: '0', ...settings });
}

interface Listening {
  readonly node: string;
  readonly pid: number;
  readonly adminPort: number;
}

/** The log lines of workers that have come up, oldest first. */
function listening(): Listening[] {
  const lines = supervisor.output.split('\n').filter((line) => line.includes('"msg":"listening"'));
  return lines.map((line) => JSON.parse(line) as Listening);
}

/** Which workers answer on the one port. */
async function whoAnswers(): Promise<Set<string>> {
  const nodes = new Set<string>();
  const user = await registerUser(`http://127.0.0.1:${port}`);
  // The kernel chooses by the ports of the connection: 40 on one of two by chance is one in 10^12.
  for (let index = 0; index < 40; index += 1) {
    const client = await PlainClient.open(`ws://127.0.0.1:${port}/ws`);
    nodes.add(String(client.responseHeaders['relay-node']));
    await client.close();
  }
  expect(user.code).toMatch(/^\w{7}$/);
  return nodes;
}

function workerPids(): readonly number[] {
  return childrenOf(supervisor.pid);
}

test('share one port, with separate names and metrics', async () => {
  expect(await whoAnswers()).toEqual(new Set(['host-1', 'host-2']));
  const ports = new Set(listening().map(({ adminPort }) => adminPort));
  expect(ports.size).toBe(2);
  for (const adminPort of ports)
    expect((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status).toBe(200);
});

test('a killed worker is started again', async () => {
  const pids = workerPids();
  expect(pids).toHaveLength(2);
  process.kill(pids[0] ?? 0, 'SIGKILL');
  await until(() => listening().length === 3, { what: 'a third start' });
  expect(supervisor.output).toContain('"reason":"SIGKILL"');
  expect(await whoAnswers()).toEqual(new Set(['host-1', 'host-2']));
});

test('SIGHUP replaces them one after the other, and no connection is refused meanwhile', async () => {
  const before = workerPids();
  supervisor.signal('SIGHUP');
  const refused: string[] = [];
  let welcomed = 0;
  const knock = async () => {
    const client = await PlainClient.open(`ws://127.0.0.1:${port}/ws`);
    welcomed += 1;
    await client.close();
  };
  const knocking = setInterval(() => void knock().catch((error) => refused.push(String(error))), 5);
  await until(() => listening().length === 5, { what: 'both to be started anew' }).finally(() =>
    clearInterval(knocking),
  );
  expect(welcomed).toBeGreaterThan(50);
  // What a port has not yet taken from the kernel is reset when it closes, unless the kernel passes it on.
  const kernelPassesOn = readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim() === '1';
  expect(refused.filter((error) => kernelPassesOn || !error.includes('ECONNRESET'))).toEqual([]);
  expect(refused.length).toBeLessThan(welcomed / 50);
  expect(workerPids().filter((pid) => before.includes(pid))).toEqual([]);
  // The first one listens again before the second one stops.
  const events = [...supervisor.output.matchAll(/"node":"(host-\d)".*"msg":"(draining|listening)"/g)];
  expect(events.slice(-4).map(([, node, what]) => `${node} ${what}`)).toEqual([
    'host-1 draining',
    'host-1 listening',
    'host-2 draining',
    'host-2 listening',
  ]);
  expect(await whoAnswers()).toEqual(new Set(['host-1', 'host-2']));
});

test('SIGTERM stops them all, in order', async () => {
  const pids = workerPids();
  expect(await supervisor.stop()).toBe('exit code 0');
  expect(pids.filter(isRunning)).toEqual([]);
});

test('drain when the process that started them is killed', async () => {
  const child = await serve(['--workers', '1'], {
    RELAY_REDIS_URL: redis.url,
    RELAY_PORT: '0',
    RELAY_DRAIN_MS: '0',
  });
  await child.waitFor(/"msg":"listening"/, 10_000);
  const [pid = 0] = childrenOf(child.pid);
  child.signal('SIGKILL');
  await until(() => !isRunning(pid), { what: 'the worker to end' });
});

test.each([
  [['--workers', 'many'], {}, /--workers is auto or a number from 1 to 256, not many/],
  [['--workers', '2'], {}, /--workers needs RELAY_REDIS_URL/],
  [['--workers', '1'], { RELAY_REDIS_URL: 'redis://127.0.0.1:1', RELAY_HOST: 'no host' }, /RELAY_HOST/],
])('refuses to start and says why: %j %j', async (args, settings, words) => {
  const child = await serve(args, settings);
  expect(await child.exited()).toBe('exit code 2');
  expect(child.output).toMatch(words);
});
