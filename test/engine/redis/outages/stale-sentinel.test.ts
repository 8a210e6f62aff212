import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../../../src/cli/dev/servers.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { SILENT } from '../../../../src/engine/observer.ts';
import { discovery } from '../../../../src/engine/redis/cluster/discovery.ts';
import { Shard } from '../../../../src/engine/redis/cluster/shard.ts';
import { parseDeployment } from '../../../../src/engine/redis/connection/address.ts';
import { loadScripts } from '../../../../src/engine/redis/scripts.ts';
import { TIMINGS } from '../../../../src/engine/redis/timings.ts';
import { type RedisSentinel, startSentinel } from '../../../support/redis/redis-sentinel.ts';
import { until } from '../../../support/until.ts';
import { LIMITS, redisNode } from '../../backends.ts';
import { register } from '../../fixture.ts';

let before: RedisSentinel;
let after: RedisSentinel;
let node: Engine | undefined;

beforeAll(async () => {
  // A sentinel that has missed a failover still names the old master, which may run again. This one really believes
  // that.
  [before, after] = await Promise.all([
    startSentinel({ replicas: 0, sentinels: 1 }),
    startSentinel({ replicas: 1, sentinels: 1 }),
  ]);
  const oldPort = await after.masterPort();
  // Refused until the sentinel has checked the replica a second time, and during a failover.
  const failOver = () => after.sentinels[0]?.call('SENTINEL', 'FAILOVER', 'relay').catch(() => {});
  await until(
    async () => {
      await failOver();
      return (await after.masterPort()) !== oldPort;
    },
    { what: 'the failover', timeoutMs: 20_000 },
  );
});

afterAll(async () => {
  await node?.close();
  await Promise.all([before.remove(), after.remove()]);
});

const TIMEOUT_MS = 1_000;

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

it('does not use a running master that the sentinels have replaced', async () => {
  const newPort = await after.masterPort();
  const replaced = after.servers.find(({ port }) => port !== newPort);
  const address = { host: '127.0.0.1', port: replaced?.port ?? 0 };
  const { confirmMaster } = await discovery(parseDeployment([after.url]), TIMEOUT_MS);
  const replacement = /is up, but the sentinels name another master/;
  await expect(confirmMaster(address)).rejects.toThrow(replacement);
  await expect(confirmMaster({ ...address, port: newPort })).resolves.toBeUndefined();

  // Asked before anything is sent there.
  const shard = new Shard(
    address,
    {
      access: { tls: false, username: null, password: null },
      confirmMaster,
      scripts: loadScripts(LIMITS),
      timings: TIMINGS,
      waitReplicas: 0,
      observer: SILENT,
    },
    {
      onMessage() {},
      onReady() {},
      onLost() {},
      onSubscriberReady() {},
      onSubscriberLost() {},
      onDropped() {},
    },
  );
  await until(() => shard.failed, { what: 'the shard to be refused' });
  expect(shard.ready).toBe(false);
  expect(shard.reason).toMatch(replacement);
  shard.close('the test is over');
});

it('keeps the known master while no sentinel answers', async () => {
  const [host, nobody] = ['127.0.0.1', await freePort()];
  const { confirmMaster } = await discovery(
    parseDeployment([`redis+sentinel://${host}:${nobody}/relay`]),
    TIMEOUT_MS,
  );
  await expect(confirmMaster({ host, port: await after.masterPort() })).resolves.toBeUndefined();
});
