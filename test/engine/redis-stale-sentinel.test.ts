import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.ts';
import { until } from '../support/until.ts';
import { redisNode } from './backends.ts';
import { register } from './fixture.ts';

let before: RedisSentinel;
let after: RedisSentinel;
let node: Engine | undefined;

beforeAll(async () => {
  // To a sentinel that has missed a failover the old master is the master still, and it may well be up again: here
  // it is one that really believes so.
  [before, after] = await Promise.all([
    startSentinel({ replicas: 0, sentinels: 1 }),
    startSentinel({ replicas: 1, sentinels: 1 }),
  ]);
  const oldPort = await after.masterPort();
  // Refused until the sentinel has looked at the replica a second time, and while one is under way.
  const failOver = () => after.sentinels[0]?.call('SENTINEL', 'FAILOVER', 'relay').catch(() => {});
  await until(
    async () => {
      await failOver();
      return (await after.masterPort()) !== oldPort;
    },
    { what: 'the failover', timeoutMs: 20_000 },
  );
}, 60_000);

afterAll(async () => {
  await node?.close();
  await Promise.all([before.remove(), after.remove()]);
});

it('believes the sentinel that knows of the newest failover, not the one that answers first', async () => {
  const [, stale = ''] = /\/\/(.+)\//.exec(before.url) ?? [];
  const [, fresh = ''] = /\/\/(.+)\//.exec(after.url) ?? [];
  const relay = redisNode({ urls: [`redis+sentinel://${stale},${fresh}/relay`] });
  node = relay;
  await relay.start();
  const { code } = await register(relay);
  const port = await after.masterPort();
  const master = after.servers.find((server) => server.port === port);
  expect(await master?.call('EXISTS', `user:{${code}}`)).toBe(1);
  expect(await before.servers[0]?.call('DBSIZE')).toBe(0);
});
