import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, EngineUnavailable } from '../../../../src/engine/engine.ts';
import { type RedisServer, startRedis, untilReplication } from '../../../support/redis/redis.ts';
import { type RedisSentinel, startSentinel } from '../../../support/redis/redis-sentinel.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import { envelope, listening, login, register, Sender, texts } from '../../fixture.ts';

describe('waiting for replicas', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let node: Engine;
  beforeAll(async () => {
    master = await startRedis({ 'repl-diskless-sync-delay': '0' });
    replica = await startRedis({ replicaof: `127.0.0.1 ${master.port}` });
    await untilReplication(replica, /master_link_status:up/);
    await master.call('SET', 'any', 1);
    await until(async () => (await master.call('WAIT', 1, 100)) === 1, {
      what: 'the replica to acknowledge',
    });
    node = await runningNode({ urls: [master.url], waitReplicas: 1 });
  });
  afterAll(async () => {
    await node.close();
    await Promise.all([master, replica].map((server) => server.remove()));
  });

  it('answers only once a replica has the envelope', async () => {
    const { code } = await register(node);
    for (let n = 0; n < 20; n += 1) {
      expect(await new Sender(node, 'ALICE00', n + 1).send(code, envelope(`${n}`))).toEqual(['stored']);
      expect(Number(await replica.call('XLEN', `inbox:{${code}}`))).toBe(n + 1);
    }
  });

  it('does not acknowledge an envelope, or a repeated one, that only the master has, until the replica is back', async () => {
    const { code } = await register(node);
    const alice = new Sender(node, 'ALICE00');
    replica.pause();
    const startedMs = performance.now();
    await expect(alice.send(code, envelope('a', 'x'))).rejects.toThrow(/not known to 1 replica/);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await expect(alice.send(code, envelope('a', 'x'))).rejects.toThrow(EngineUnavailable);
    // Everything else goes on: it promises nothing to a sender.
    const { session } = await login(node, code);
    expect(await texts(node, session)).toEqual(['a']);
    replica.resume();
    await until(
      async () => (await alice.send(code, envelope('a', 'x')).catch(() => ['']))[0] === 'repeated',
      {
        what: 'the replica to have it',
      },
    );
    expect(Number(await replica.call('XLEN', `inbox:{${code}}`))).toBe(1);
  });

  it('sends one WAIT for many batches that are sent together', async () => {
    const recipients = await Promise.all(Array.from({ length: 40 }, () => register(node)));
    const waits = async () =>
      Number(/cmdstat_wait:calls=(\d+)/.exec(String(await master.call('INFO', 'commandstats')))?.[1]);
    const before = await waits();
    const outcomes = await Promise.all(
      recipients.map(({ code }) => new Sender(node, 'ALICE00').send(code, envelope('a'))),
    );
    expect(outcomes).toEqual(recipients.map(() => ['stored']));
    expect((await waits()) - before).toBeLessThan(10);
  });
});

describe('a Sentinel failover', () => {
  let sentinel: RedisSentinel;
  let node: Engine;
  beforeAll(async () => {
    sentinel = await startSentinel({ replicas: 2, sentinels: 3 });
  });
  afterAll(() => sentinel.remove());
  afterEach(() => node.close());

  it('is followed within 15 s: replicated envelopes are delivered, sessions reclaim, wake-ups arrive', async () => {
    node = await runningNode({ urls: [sentinel.url], waitReplicas: 1 });
    const { code } = await register(node);
    const listener = await listening(node, code);
    const { session } = await login(node, code);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(code, envelope('before', 'x'));
    const [old] = sentinel.servers;
    await old?.kill();
    const killedMs = performance.now();
    await sent(alice, code, 'after');
    expect(performance.now() - killedMs).toBeLessThan(15_000);
    await until(() => listener.reclaims > 0, { what: 'reclaim' });
    expect(await node.reclaim(session, null)).toBe('held');
    expect(await texts(node, session)).toEqual(['before', 'after']);
    const heard = listener.wakeUps.length;
    await sent(alice, code, 'more');
    await until(() => listener.wakeUps.length > heard, { what: 'a wake-up' });
    // The old master comes back, becomes a replica, and is not believed.
    await old?.restart();
    await until(() => node.health().ready, { what: 'health' });
    await sent(alice, code, 'last');
    expect(await texts(node, session)).toEqual(['before', 'after', 'more', 'last']);
  });

  it('is followed even if the old master still answers and only Sentinel knows of it', async () => {
    node = await runningNode({ urls: [sentinel.url], timings: { discoverEveryMs: 500 } });
    const { code } = await register(node);
    const before = await sentinel.masterPort();
    // Sentinel refuses two failovers in quick succession.
    const order = async () => sentinel.sentinels[0]?.call('SENTINEL', 'FAILOVER', 'relay');
    await until(() => order().then(Boolean, () => false), {
      what: 'Sentinel to take the order',
      timeoutMs: 20_000,
    });
    await until(async () => (await sentinel.masterPort()) !== before, {
      what: 'the failover',
      timeoutMs: 15_000,
    });
    const port = await sentinel.masterPort();
    const current = sentinel.servers.find((server) => server.port === port);
    // Until the node knows of it, the old master accepts envelopes that it will forget: that is what WAIT is for.
    await until(
      async () => {
        await new Sender(node, 'ALICE00', Date.now()).send(code, envelope('a')).catch(() => {});
        return Number(await current?.call('XLEN', `inbox:{${code}}`)) > 0 && node.health().ready;
      },
      { what: 'the new master to be used', timeoutMs: 10_000 },
    );
  });
});

/** As a client does: sends again with the same id until the envelope is stored. */
async function sent(sender: Sender, recipient: string, text: string): Promise<void> {
  await until(
    async () => {
      const [outcome] = await sender.send(recipient, envelope(text, text)).catch(() => []);
      return outcome === 'stored' || outcome === 'repeated';
    },
    { what: `${text} to be stored`, timeoutMs: 15_000 },
  );
}
