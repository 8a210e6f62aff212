import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Child } from '../../../src/cli/dev/child.ts';
import { isRunning } from '../../support/proc.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { ensureInstalled } from '../../support/servers/install.ts';
import { until } from '../../support/until.ts';

const START_MS = 60_000;

const processes = processesForTests();

interface Cluster {
  readonly child: Child;
  readonly url: string;
  /** Of Redis, then of the nodes. */
  readonly pids: readonly number[];
  /** Where its processes keep their files. */
  readonly folder: string;
}

async function startCluster(): Promise<Cluster> {
  ensureInstalled('redis-server', 'haproxy');
  const folder = await mkdtemp(join(tmpdir(), 'keyrelay-test-cluster-'));
  const child = await processes.keyrelay(['cluster'], { RELAY_PORT: '0', TMPDIR: folder });
  const [, url = ''] = await child.waitFor(/The cluster stands: (http:\/\/[\d.:]+)\//, START_MS);
  const pids = [...child.output.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
  return { child, url, pids, folder };
}

async function runDemo(url: string): Promise<string> {
  const demo = await processes.keyrelay(['demo', '--url', url]);
  const ended = await demo.exited();
  expect(`${demo.output}\n${ended}`).toContain('Everything held.\n\nexit code 0');
  return demo.output;
}

async function expectNothingLeft({ pids, folder }: Cluster): Promise<void> {
  expect(pids).toHaveLength(4);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
}

test('a cluster: the demo crosses nodes, also after one was killed; Ctrl-C leaves nothing behind', async () => {
  const cluster = await startCluster();
  const [, alice, bob] = /Alice is on node (\S+), Bob on node (\S+)\./.exec(await runDemo(cluster.url)) ?? [];
  expect([alice, bob].every((node) => node?.startsWith('node-'))).toBe(true);
  expect(alice).not.toBe(bob);

  const [, firstNode = 0] = cluster.pids;
  process.kill(firstNode, 'SIGKILL');
  await until(() => cluster.child.output.includes('has ended: SIGKILL'), { what: 'the end of a node' });
  await runDemo(cluster.url);

  cluster.child.signal('SIGINT');
  expect(await cluster.child.exited()).toBe('exit code 0');
  await expectNothingLeft(cluster);
});

test('a cluster whose Redis dies says so, ends with exit code 1 and leaves nothing behind', async () => {
  const cluster = await startCluster();
  const [redis = 0] = cluster.pids;
  process.kill(redis, 'SIGKILL');
  expect(await cluster.child.exited()).toBe('exit code 1');
  expect(cluster.child.output).toContain('Redis has ended: SIGKILL');
  await expectNothingLeft(cluster);
});
