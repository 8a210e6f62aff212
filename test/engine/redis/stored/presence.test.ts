import { afterEach, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { type RedisNodeOptions, redisNode } from '../../backends.ts';
import { Notes } from '../../notes.ts';

const server = redisForTests();
const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

async function start(options: Partial<RedisNodeOptions>): Promise<Engine> {
  const engine = redisNode({ urls: [server.url], ...options });
  engines.push(engine);
  await engine.start();
  return engine;
}

const details = (port: number) => () => ({ address: `127.0.0.1:${port}`, version: '1.2.3', sockets: port });

it('lists nodes with id, address, version, start and sockets, until they close; tools are no nodes', async () => {
  const notes = new Notes();
  await start({ nodeId: 'b', presence: details(2), observer: notes, timings: { presenceEveryMs: 100 } });
  const first = await start({ nodeId: 'a', presence: details(1) });
  const tool = await start({ nodeId: 'tool' });
  await until(() => notes.nodes === 2, { what: 'both to be counted' });
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(await tool.liveNodes()).toEqual([
    { id: 'a', address: '127.0.0.1:1', version: '1.2.3', since, sockets: 1 },
    { id: 'b', address: '127.0.0.1:2', version: '1.2.3', since, sockets: 2 },
  ]);
  await first.close();
  expect(await tool.liveNodes()).toMatchObject([{ id: 'b' }]);
  await until(() => notes.nodes === 1, { what: 'the other one to be counted' });
});

it('does not list a node before it serves clients', async () => {
  let port = 0;
  const node = await start({ nodeId: 'slow', presence: () => (port === 0 ? null : details(port)()) });
  expect(await node.liveNodes()).toEqual([]);
  port = 7;
  await until(async () => (await node.liveNodes()).length === 1, { what: 'it to be listed' });
});

it('drops a node whose heartbeats end, and keeps one while Redis is full', async () => {
  const timings = { presenceTtlMs: 2_000, presenceEveryMs: 200 };
  const living = await start({ nodeId: 'living', presence: details(2), timings });
  // The last heartbeat of a node that dies.
  await start({ nodeId: 'dead', presence: details(1), timings: { ...timings, presenceEveryMs: 60_000 } });
  await until(async () => (await living.liveNodes()).length === 2, { what: 'both' });
  await server.call('CONFIG', 'SET', 'maxmemory', '1');
  await until(async () => (await living.liveNodes()).length === 1, { what: 'the dead one to be dropped' });
  const fullMs = performance.now();
  await until(() => performance.now() - fullMs > 2 * timings.presenceTtlMs, { what: 'two lifetimes' });
  expect(await living.liveNodes()).toMatchObject([{ id: 'living' }]);
  await server.call('CONFIG', 'SET', 'maxmemory', '0');
});
