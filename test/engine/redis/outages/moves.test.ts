import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Engine, EngineUnavailable } from '../../../../src/engine/engine.ts';
import { slotOf } from '../../../../src/engine/redis/cluster/slots.ts';
import { awayKeys, awayPushKey } from '../../../../src/engine/redis/schema.ts';
import type { RedisServer } from '../../../support/redis/redis.ts';
import { type RedisCluster, startRedisCluster } from '../../../support/redis/redis-cluster.ts';
import { until } from '../../../support/until.ts';
import { LIMITS, redisNode } from '../../backends.ts';
import { envelope, key, login, RecordingListener, register, Sender, texts } from '../../fixture.ts';
import { Notes } from '../../notes.ts';

/** A Redis Cluster: slots move, masters die, one shard hangs. */
describe('a Redis Cluster in motion', () => {
  let cluster: RedisCluster;
  let notes: Notes;
  let node: Engine;

  beforeAll(async () => {
    cluster = await startRedisCluster({
      masters: 3,
      replicas: 1,
      conf: { 'cluster-require-full-coverage': 'no', 'cluster-allow-replica-migration': 'no' },
    });
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    notes = new Notes();
    const limits = { ...LIMITS, mailboxEnvelopes: 100_000, mailboxBytes: 100_000_000 };
    node = redisNode({ urls: cluster.urls, observer: notes, limits });
    await node.start();
  });
  afterEach(() => node.close());

  const master = (index: number): RedisServer => {
    const server = cluster.masters[index];
    if (server === undefined) throw new RangeError(`no master ${index}`);
    return server;
  };
  /** The number of the master that had this slot at the beginning. */
  const home = (code: string) => Math.floor((slotOf(`{${code}}`) * 3) / 16_384);
  /** A user in a slot of that master. */
  const userAt = async (index: number): Promise<string> => {
    for (;;) {
      const { code } = await register(node);
      if (home(code) === index) return code;
    }
  };

  it('spreads users over its shards, and is ready', async () => {
    const codes = await Promise.all(Array.from({ length: 30 }, () => register(node)));
    expect(new Set(codes.map(({ code }) => home(code))).size).toBe(3);
    expect(node.health()).toMatchObject({ ready: true, reason: expect.stringContaining('3') });
  });

  it('computes the slot of every key as the Cluster does', async () => {
    const keys = [
      'a',
      '{a}',
      'a{b}c',
      'a{}b',
      '{}',
      'a{b',
      'a}b{c}',
      'a{b}{c}',
      '{{a}}',
      'user:next-id',
      '{user:next-id}:claimed',
    ];
    for (const name of [...keys, ...Array.from({ length: 50 }, () => `user:{${key().slice(0, 7)}}`)]) {
      expect([name, slotOf(name)]).toEqual([name, await master(0).call('CLUSTER', 'KEYSLOT', name)]);
    }
  });

  it('keeps mailboxes, order and wake-ups when their slot moves under load', async () => {
    const bob = await userAt(0);
    const listener = new RecordingListener();
    await node.subscribe(bob, listener);
    const { session } = await login(node, bob);
    const alice = new Sender(node, 'ALICE00');
    let moving = true;
    const outcomes: string[] = [];
    const sending = (async () => {
      for (let n = 0; moving || n < 50; n += 1) {
        const [outcome = ''] = await alice.send(bob, envelope(`${n}`)).catch(() => ['unknown']);
        outcomes.push(outcome);
      }
    })();
    const slot = slotOf(`{${bob}}`);
    await moveSlot({ slot, from: master(0), to: master(1), all: cluster.masters });
    await moveSlot({ slot, from: master(1), to: master(2), all: cluster.masters });
    moving = false;
    await sending;
    const found = (await texts(node, session)).map(Number);
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(new Set(found).size).toBe(found.length);
    const stored = outcomes.flatMap((outcome, n) => (outcome === 'stored' ? [n] : []));
    expect(found).toEqual(expect.arrayContaining(stored));
    expect(stored.length).toBeGreaterThan(outcomes.length / 2);
    // The wake-ups arrive from the new shard.
    await until(() => listener.reclaims > 0, { what: 'sessions to reclaim on the new shard' });
    const heard = listener.wakeUps.length;
    await until(
      async () => {
        await alice.send(bob, envelope('again')).catch(() => {});
        return listener.wakeUps.length > heard;
      },
      { what: 'a wake-up from the new shard' },
    );
    await moveSlot({ slot, from: master(2), to: master(0), all: cluster.masters });
  });

  it('resubscribes only what lay on the slot that left', async () => {
    const codes: string[] = [];
    while (codes.length < 12) codes.push(await userAt(0));
    for (const code of codes) await node.subscribe(code, new RecordingListener());
    const [leaving = ''] = codes;
    const subscribes = async () => {
      const counts = cluster.masters.map(async (server) => {
        const stats = String(await server.call('INFO', 'commandstats'));
        return Number(/cmdstat_ssubscribe:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      });
      return (await Promise.all(counts)).reduce((sum, each) => sum + each, 0);
    };
    const before = await subscribes();
    const listener = new RecordingListener();
    await node.subscribe(leaving, listener);
    expect(await subscribes()).toBe(before);
    const slot = slotOf(`{${leaving}}`);
    await moveSlot({ slot, from: master(0), to: master(1), all: cluster.masters });
    const alice = new Sender(node, 'ALICE00');
    await until(
      async () => {
        await alice.send(leaving, envelope('a')).catch(() => {});
        return listener.wakeUps.length > 0;
      },
      { what: 'a wake-up from the new shard' },
    );
    // The mailbox that moved, perhaps with a redirection; and the probe, if its channel lay there.
    expect((await subscribes()) - before).toBeLessThanOrEqual(4);
    for (const code of codes.slice(1)) {
      const heard = new RecordingListener();
      await node.subscribe(code, heard);
      await alice.send(code, envelope('b'));
      await until(() => heard.wakeUps.length > 0, {
        what: 'a wake-up that was never lost',
        timeoutMs: 1_000,
      });
    }
    await moveSlot({ slot, from: master(1), to: master(0), all: cluster.masters });
  });

  it('never doubles or reorders in a half-migrated slot, and works again once the slot is complete', async () => {
    const bob = await userAt(0);
    const { session } = await login(node, bob);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('0', 'id0'));
    const slot = slotOf(`{${bob}}`);
    const [source, target] = [master(0), master(1)];
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await source.call('CLUSTER', 'MYID')));
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(await target.call('CLUSTER', 'MYID')));
    await source.call('MIGRATE', '127.0.0.1', target.port, `inbox:{${bob}}`, 0, 5_000);
    const outcomes = await Promise.all([
      alice.send(bob, envelope('1', 'id1')).catch((error: Error) => error),
      node.read({ session, after: null, maxEnvelopes: 10, maxBytes: 1e6 }).catch((error: Error) => error),
    ]);
    for (const outcome of outcomes) expect(outcome).toBeInstanceOf(EngineUnavailable);
    // A call with one key is found where that key is now.
    await source.call('MIGRATE', '127.0.0.1', target.port, `user:{${bob}}`, 0, 5_000);
    expect(await node.findUser(bob)).toMatchObject({ code: bob });
    await moveSlot({ slot, from: source, to: target, all: cluster.masters });
    await until(async () => (await alice.send(bob, envelope('1', 'id1')).catch(() => ['']))[0] !== '', {
      what: 'the slot',
    });
    await alice.send(bob, envelope('2', 'id2'));
    expect(await texts(node, session)).toEqual(['0', '1', '2']);
    await moveSlot({ slot, from: target, to: source, all: cluster.masters });
  });

  it('notes no user for Web Push before the notes of the slot have moved', async () => {
    const waking = redisNode({ urls: cluster.urls, announces: true, pushes: true });
    await waking.start();
    const bob = await userAt(0);
    const { session } = await login(waking, bob);
    await waking.subscriptions.add(session, { endpoint: 'https://push.example/a', p256dh: 'p', auth: 'a' });
    await waking.release(session, null);
    const slot = slotOf(`{${bob}}`);
    const [source, target] = [master(0), master(1)];
    // Of another user of this slot.
    const notes = awayPushKey(awayKeys(true).of(bob));
    await source.call('ZADD', notes, Date.now() + 60_000, 'EVE0000');
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await source.call('CLUSTER', 'MYID')));
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(await target.call('CLUSTER', 'MYID')));
    const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
    for (const each of keys)
      if (each !== notes) await source.call('MIGRATE', '127.0.0.1', target.port, each, 0, 5_000);
    const alice = new Sender(waking, 'ALICE00');
    await expect(alice.send(bob, envelope('0', 'id0'))).rejects.toThrow(EngineUnavailable);
    // Another zset at the target would be in the way of this one.
    await moveSlot({ slot, from: source, to: target, all: cluster.masters });
    await until(async () => (await alice.send(bob, envelope('0', 'id0')).catch(() => ['']))[0] === 'stored', {
      what: 'the slot',
    });
    expect(await target.call('ZRANGE', notes, 0, -1)).toEqual(expect.arrayContaining(['EVE0000', bob]));
    await waking.close();
    await moveSlot({ slot, from: target, to: source, all: cluster.masters });
  });

  it('affects only the users of a shard that hangs', async () => {
    const [sick, well] = [await userAt(1), await userAt(2)];
    const { session } = await login(node, well);
    const alice = new Sender(node, 'ALICE00');
    const bob = new Sender(node, 'B0B0000');
    master(1).pause();
    const startedMs = performance.now();
    const failing = alice.send(sick, envelope('a')).catch((error: Error) => error);
    let slowestMs = 0;
    while (performance.now() - startedMs < 1_500) {
      const sentMs = performance.now();
      expect(await bob.send(well, envelope('a'))).toEqual(['stored']);
      expect(await node.confirm(session, '0-0')).toBe('held');
      slowestMs = Math.max(slowestMs, performance.now() - sentMs);
    }
    expect(await failing).toBeInstanceOf(EngineUnavailable);
    expect(slowestMs).toBeLessThan(300);
    expect(node.health()).toMatchObject({
      ready: true,
      reason: expect.stringContaining(`${master(1).port}`),
    });
    master(1).resume();
    await until(async () => (await alice.send(sick, envelope('b')).catch(() => ['']))[0] === 'stored', {
      what: 'the sick shard, or its replica, to go on',
    });
    await cluster.untilOk();
  });

  it('continues with the replica of a dead master: sessions reclaim, ids grow, wake-ups arrive', async () => {
    const bob = await userAt(2);
    const listener = new RecordingListener();
    await node.subscribe(bob, listener);
    const { session } = await login(node, bob);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('before'));
    const [replica] = cluster.replicas.filter((_, index) => index === 2);
    await until(
      async () => String(await replica?.call('INFO', 'replication')).includes('master_link_status:up'),
      {
        what: 'the replica',
      },
    );
    await master(2).call('WAIT', 1, 1_000);
    await master(2).kill();
    const killedMs = performance.now();
    await until(async () => (await alice.send(bob, envelope('after', 'x')).catch(() => ['']))[0] !== '', {
      what: 'the new master',
      timeoutMs: 15_000,
    });
    expect(performance.now() - killedMs).toBeLessThan(15_000);
    await until(() => listener.reclaims > 0, { what: 'reclaim' });
    expect(await node.reclaim(session, null)).toBe('held');
    expect(await texts(node, session)).toEqual(['before', 'after']);
    const heard = listener.wakeUps.length;
    await until(
      async () => {
        await alice.send(bob, envelope('more'));
        return listener.wakeUps.length > heard;
      },
      { what: 'a wake-up from the new master' },
    );
    await until(() => node.health().ready && !node.health().reason.includes(`${master(2).port}`), {
      what: 'the old master to be forgotten',
    });
  });
});

/** Moves one slot with its keys, as `redis-cli --cluster reshard` does. */
async function moveSlot(move: {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly all: readonly RedisServer[];
}): Promise<void> {
  const { slot, from, to, all } = move;
  const [fromId, toId] = [
    String(await from.call('CLUSTER', 'MYID')),
    String(await to.call('CLUSTER', 'MYID')),
  ];
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  for (;;) {
    const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
    if (keys.length === 0) break;
    await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
  }
  for (const server of [to, from, ...all]) await server.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
}
