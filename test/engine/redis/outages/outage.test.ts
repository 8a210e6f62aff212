import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../../src/engine/account.ts';
import { type Engine, EngineUnavailable } from '../../../../src/engine/engine.ts';
import { type RedisServer, startRedis } from '../../../support/redis/redis.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import {
  created,
  envelope,
  key,
  login,
  newToken,
  PROOF,
  RecordingListener,
  read,
  register,
  registration,
  Sender,
  texts,
} from '../../fixture.ts';
import { Notes } from '../../notes.ts';

const SNAPSHOT = 'snapshot.rdb';

/** Redis hangs, dies, is full, forgets its scripts or cuts its connections. */
describe('one Redis in trouble', () => {
  let server: RedisServer;
  let node: Engine;
  let notes: Notes;
  let bob: string;
  let listener: RecordingListener;

  beforeEach(async () => {
    server = await startRedis({ appendonly: 'yes', appendfsync: 'always', dbfilename: SNAPSHOT });
    notes = new Notes();
    node = await runningNode({ urls: [server.url], observer: notes, timings: { checkEveryMs: 200 } });
    bob = (await register(node)).code;
    listener = new RecordingListener();
  });
  afterEach(async () => {
    server.resume();
    await node.close();
    await server.remove();
  });

  const said = (message: string) =>
    notes.lines.filter((line) => line.message === message).map(({ fields }) => fields);
  const untilReady = (timeoutMs: number) =>
    until(() => node.health().ready, { what: 'the engine to be ready', timeoutMs });
  const timed = async (call: () => Promise<unknown>) => {
    const startedMs = performance.now();
    await expect(call()).rejects.toThrow(EngineUnavailable);
    return performance.now() - startedMs;
  };

  it('that hangs: calls fail within 2 s, later ones at once; after it resumes, all works within 5 s', async () => {
    const { session } = await login(node, bob);
    await node.subscribe(bob, listener);
    const alice = new Sender(node, 'ALICE00');
    server.pause();
    const late = await Promise.all([
      timed(() => alice.send(bob, envelope('stuck', 'x'))),
      timed(() => node.findUser(bob)),
      timed(() => node.confirm(session, '1-1')),
    ]);
    expect(Math.max(...late)).toBeLessThan(2_000);
    for (let n = 0; n < 50; n += 1) expect(await timed(() => read(node, session))).toBeLessThan(50);
    expect(await timed(() => node.subscribe('0000000', new RecordingListener()))).toBeLessThan(2_000);
    expect(node.health()).toMatchObject({
      ready: false,
      reason: expect.stringContaining(String(server.port)),
    });
    server.resume();
    await untilReady(5_000);
    // The store may have forgotten sessions, and wake-ups may be lost.
    await until(() => listener.reclaims > 0 && listener.polls > 0, { what: 'reclaim and poll' });
    expect(await node.reclaim(session, null)).toBe('held');
    // The stuck envelope may have been stored; after a repeat it is there once.
    await alice.send(bob, envelope('stuck', 'x'), envelope('next'));
    expect(await texts(node, session)).toEqual(['stuck', 'next']);
  });

  it('that hangs: a stuck claim displaces no session after it resumes', async () => {
    const before = await login(node, bob);
    server.pause();
    await expect(node.claim({ code: bob, token: newToken(), protocol: 2 })).rejects.toThrow(
      EngineUnavailable,
    );
    const stoppedMs = performance.now();
    await until(() => performance.now() - stoppedMs > 1_000, { what: 'the deadline of the claim to pass' });
    server.resume();
    await untilReady(5_000);
    expect(await read(node, before.session)).toMatchObject({ state: 'held' });
    expect(await node.findUser(bob)).toMatchObject({ minProtocol: 1 });
  });

  it('that is killed and restarted: keeps what it acknowledged; a lost subscription is renewed', async () => {
    const { session } = await login(node, bob);
    await node.subscribe(bob, listener);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('before'));
    await server.kill();
    await until(() => !node.health().ready, { what: 'the engine to notice' });
    await expect(alice.send(bob, envelope('lost'))).rejects.toThrow(EngineUnavailable);
    await server.restart();
    await untilReady(5_000);
    await until(() => listener.reclaims > 0 && listener.polls > 0, { what: 'reclaim and poll' });
    expect(await node.reclaim(session, null)).toBe('held');
    const heard = listener.wakeUps.length;
    await alice.send(bob, envelope('after'));
    await until(() => listener.wakeUps.length > heard, { what: 'a wake-up' });
    expect(await texts(node, session)).toEqual(['before', 'after']);
  });

  it('that comes back without its data: sessions learn it, and no user appears out of nothing', async () => {
    const { session } = await login(node, bob);
    await node.subscribe(bob, listener);
    await server.call('FLUSHALL');
    expect(await node.reclaim(session, null)).toBe('unknown_user');
    expect(await read(node, session)).toEqual({ state: 'unknown_user' });
    expect(await new Sender(node, 'ALICE00').send(bob, envelope('a'))).toEqual(['recipient_unknown']);
  });

  it('that forgets its scripts every few milliseconds: nothing is lost, doubled or out of order', async () => {
    const { session } = await login(node, bob);
    const senders = Array.from({ length: 8 }, (_, n) => new Sender(node, `ALICE0${n}`));
    let flushing = true;
    const flush = (async () => {
      while (flushing) await server.call('SCRIPT', 'FLUSH');
    })();
    await Promise.all(
      senders.map(async (sender, index) => {
        for (let n = 0; n < 100; n += 2) {
          expect(await sender.send(bob, envelope(`${index}:${n}`), envelope(`${index}:${n + 1}`))).toEqual([
            'stored',
            'stored',
          ]);
        }
      }),
    );
    flushing = false;
    await flush;
    const all = await texts(node, session);
    for (const index of senders.keys()) {
      expect(all.filter((one) => one.startsWith(`${index}:`))).toEqual(
        Array.from({ length: 100 }, (_, n) => `${index}:${n}`),
      );
    }
  });

  it('that cuts its connections all the time: nothing doubled or out of order, and nothing acknowledged lost', async () => {
    const { session } = await login(node, bob);
    let cutting = true;
    const cut = (async () => {
      while (cutting) {
        await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        // However long this machine takes to connect again, something is in flight at the next cut.
        await until(() => !cutting || node.health().ready, {
          what: 'a connection to cut',
          timeoutMs: 20_000,
        });
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    })();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, async (_, index) => {
        const sender = new Sender(node, `ALICE0${index}`);
        const stored: string[] = [];
        const unknown: string[] = [];
        for (let n = 0; stored.length < 60; n += 1) {
          await until(() => node.health().ready, { what: 'a connection' });
          const text = `${index}:${String(n).padStart(4, '0')}`;
          const [outcome] = await sender.send(bob, envelope(text)).catch(() => ['unknown']);
          if (outcome === 'stored') stored.push(text);
          else unknown.push(text);
        }
        return { stored, unknown };
      }),
    );
    cutting = false;
    await cut;
    await untilReady(5_000);
    const all = await texts(node, session);
    for (const [index, { stored, unknown }] of outcomes.entries()) {
      const own = all.filter((one) => one.startsWith(`${index}:`));
      expect(own).toEqual([...own].sort());
      expect(new Set(own).size).toBe(own.length);
      expect(own).toEqual(expect.arrayContaining(stored));
      expect([...stored, ...unknown]).toEqual(expect.arrayContaining(own));
    }
  });

  it('that is full: stores nothing, but recipients can still log in, read and confirm', async () => {
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('a'));
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    for (let n = 0; n < 20; n += 1) await expect(alice.send(bob, envelope('b'))).rejects.toThrow(/OOM/);
    await expect(register(node)).rejects.toThrow(/OOM/);
    // Once for each verb, not for each call.
    expect(said('Redis refuses calls').map(({ verb }) => verb)).toEqual(['deliver', 'reserve']);
    expect(said('Redis refuses calls')[0]).toMatchObject({ reason: expect.stringContaining('OOM') });
    expect(node.health()).toMatchObject({ ready: true, reason: expect.stringContaining('OOM') });
    const claimed = await login(node, bob);
    expect(claimed).toMatchObject({ waiting: 1 });
    expect(await texts(node, claimed.session)).toEqual(['a']);
    expect(await node.confirm(claimed.session, claimed.last)).toBe('held');
    await node.release(claimed.session);
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    expect(await alice.send(bob, envelope('c'))).toEqual(['stored']);
    expect(node.health().reason).not.toContain('OOM');
    await until(
      async () => {
        await alice.send(bob, envelope('d'));
        return said('Redis takes calls again').length > 0;
      },
      { what: 'the end of the condition' },
    );
    expect(said('Redis takes calls again')).toEqual([
      { shard: expect.any(String), verb: 'deliver', count: 20 },
    ]);
  });

  it('that is full, or takes no writes at all: a repeated registration is answered by reading alone', async () => {
    const keys = registration({ name: 'Bob' });
    const proven = registration({ name: 'Bob', proof: PROOF });
    const users: User[] = [];
    for (const each of [keys, proven]) {
      const user = await created(node, each);
      await login(node, user.code);
      users.push(user);
    }
    // Settled by then: a claim does not wait for that.
    await until(async () => (await server.call('EXISTS', '{user:next-id}:unclaimed')) === 1, {
      what: 'accounts',
    });
    await until(async () => (await server.call('HGET', `user:{${users[1]?.code}}`, 'settled')) === '1', {
      what: 'the account to be settled',
    });
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    // The strictest: Redis refuses every script that may write.
    await server.call('CONFIG', 'SET', 'min-replicas-to-write', '1');
    for (const [index, each] of [keys, proven].entries()) {
      const again = await node.register(each);
      expect(again).toMatchObject({ outcome: 'existing', user: { code: users[index]?.code, name: 'Bob' } });
    }
    await server.call('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    // Other keys, or a first proof, are still written.
    expect(await node.register({ ...keys, proof: 'cd'.repeat(64) })).toMatchObject({ outcome: 'existing' });
    expect(await node.register({ ...keys, ecdhPublicKey: key() })).toEqual({ outcome: 'claimed' });
  });

  it('that is made to evict while it runs: not ready, and one line, until it is mended', async () => {
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await until(() => !node.health().ready, { what: 'the policy to be noticed' });
    expect(node.health().reason).toMatch(/allkeys-lru.*CONFIG SET maxmemory-policy noeviction/);
    // Clients that are there go on.
    expect(await new Sender(node, 'ALICE00').send(bob, envelope('a'))).toEqual(['stored']);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(said('Redis puts mail at risk')).toHaveLength(1);
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await untilReady(5_000);
    expect(said('Redis is safe again')).toHaveLength(1);
  });

  it('that stops its append-only file while it runs: one line, and another when it writes again', async () => {
    await server.call('CONFIG', 'SET', 'appendonly', 'no');
    await until(() => said('Redis puts mail at risk').length > 0, { what: 'it to be noticed' });
    expect(said('Redis puts mail at risk')[0]?.reason).toMatch(/append-only file.*CONFIG SET appendonly yes/);
    expect(node.health().ready).toBe(true);
    await server.call('CONFIG', 'SET', 'appendonly', 'yes');
    await until(() => said('Redis is safe again').length > 0, { what: 'it to be mended' });
    expect(said('Redis puts mail at risk')).toHaveLength(1);
  });

  it('that becomes a replica while it runs: it is used no more, and said', async () => {
    await server.call('REPLICAOF', '127.0.0.1', '1');
    await until(() => !node.health().ready, { what: 'the role to be noticed' });
    await until(() => node.health().reason.includes('is a replica'), { what: 'the reason' });
    await server.call('REPLICAOF', 'NO', 'ONE');
    await untilReady(5_000);
  });

  it('that refuses subscriptions: one log line, and another when it accepts them again', async () => {
    await server.call('ACL', 'SETUSER', 'default', 'resetchannels');
    // Redis has cut the subscriber off; the next one is refused.
    let refused = 0;
    await until(
      async () => {
        await node.subscribe(`000000${refused % 10}`, new RecordingListener()).catch((error: Error) => {
          if (error.message.includes('NOPERM')) refused += 1;
        });
        return refused >= 10;
      },
      { what: 'subscriptions to be refused' },
    );
    expect(said('Redis refuses calls').filter(({ verb }) => verb === 'subscribe')).toHaveLength(1);
    await server.call('ACL', 'SETUSER', 'default', 'allchannels');
    await until(
      async () => {
        (await node.subscribe('000000A', new RecordingListener())).unsubscribe();
        (
          await node.subscribe(`00000${Math.floor(Math.random() * 90) + 10}`, new RecordingListener())
        ).unsubscribe();
        return said('Redis takes calls again').some(({ verb }) => verb === 'subscribe');
      },
      { what: 'the end of the condition' },
    );
  });

  it('that cannot write to its disk: calls fail with the reason, and succeed once it can', async () => {
    const alice = new Sender(node, 'ALICE00');
    // A snapshot cannot be written where a folder has its name: the same refusal as for a disk that is full.
    await mkdir(join(server.folder, SNAPSHOT));
    await server.call('CONFIG', 'SET', 'save', '3600 1');
    await server.call('BGSAVE');
    await until(
      async () => {
        const error = await alice.send(bob, envelope('a')).then(
          () => '',
          (reason: Error) => reason.message,
        );
        return error.includes('MISCONF');
      },
      { what: 'MISCONF' },
    );
    await until(() => !node.health().ready, { what: 'health to show it' });
    expect(node.health().reason).toContain('MISCONF');
    await server.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    await untilReady(5_000);
    expect(await alice.send(bob, envelope('b'))).toEqual(['stored']);
  });
});
