import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, Subscription } from '../../../../src/engine/engine.ts';
import { TIMINGS, type Timings } from '../../../../src/engine/redis/timings.ts';
import { TcpProxy } from '../../../faults/injectors/proxy.ts';
import { type RedisServer, startRedis } from '../../../support/redis/redis.ts';
import { until } from '../../../support/until.ts';
import { redisNode } from '../../backends.ts';
import { envelope, listening, login, RecordingListener, register, Sender, texts } from '../../fixture.ts';
import { Notes } from '../../notes.ts';

const LINGER_MS = 50;

/** A tenth or less of the real times, in the same relations. */
const SHORT: Partial<Timings> = {
  probeEveryMs: 200,
  probePatienceMs: 150,
  resubscribeEveryMs: 1_000,
  pollEveryMs: 4_000,
  silentPollEveryMs: 500,
  spreadMs: 250,
  lingerMs: LINGER_MS,
};

describe('wake-ups that do not arrive', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let notes: Notes;
  let node: Engine;
  let other: Engine;
  let bob: string;
  let listener: RecordingListener;
  let first: Subscription;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await TcpProxy.start({ port: server.port, redis: true });
    notes = new Notes();
    node = redisNode({ urls: [`redis://127.0.0.1:${proxy.port}`], observer: notes, timings: SHORT });
    other = redisNode({ urls: [server.url] });
    await Promise.all([node.start(), other.start()]);
    bob = (await register(node)).code;
    listener = new RecordingListener();
    first = await node.subscribe(bob, listener);
  });
  afterEach(async () => {
    await Promise.all([node.close(), other.close()]);
    await proxy.stop();
    await server.remove();
  });

  /** The subscriber connections of the node that listens to Bob's mailbox. */
  const subscribers = async (): Promise<string[]> => {
    const list = String(await server.call('CLIENT', 'LIST')).split('\n');
    // Two channels: the node's probe and Bob's mailbox. The other node has its probe only.
    return list.filter((line) => / ssub=2 /.test(line)).map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
  };

  const subscribes = async () =>
    Number(/cmdstat_ssubscribe:calls=(\d+)/.exec(String(await server.call('INFO', 'commandstats')))?.[1]);

  it('on any channel are noticed by the probe: not ready, frequent polls, a new subscriber, ready when they arrive again', async () => {
    const { session } = await login(node, bob);
    await until(() => listener.claims.length === 1, { what: 'wake-ups to come' });
    const before = await subscribers();
    expect(before).toHaveLength(1);
    proxy.add({ kind: 'silence', channel: () => true }, 'down');
    const deafMs = performance.now();
    await until(() => !node.health().ready, { what: 'the probe to fail', timeoutMs: 1_000 });
    expect(performance.now() - deafMs).toBeLessThan(2 * 350 + 250);
    expect(node.health().reason).toContain('wake-ups');
    // Everything else works, and polls find stored envelopes.
    expect(await new Sender(other, 'ALICE00').send(bob, envelope('unheard'))).toEqual(['stored']);
    const polls = listener.polls;
    await until(() => listener.polls >= polls + 3, { what: 'polls', timeoutMs: 3 * 500 + 500 });
    expect(await texts(node, session)).toEqual(['unheard']);
    expect(listener.wakeUps).toEqual([]);
    // Its connection has been replaced meanwhile, in vain.
    await until(async () => notes.lostProbes > 3, { what: 'more probes to be lost' });
    expect(await subscribers()).not.toEqual(expect.arrayContaining(before));
    proxy.heal();
    await until(() => node.health().ready, { what: 'the probe to come back', timeoutMs: 3_000 });
    const after = listener.polls;
    await until(() => listener.polls > after, { what: 'a poll for missed envelopes', timeoutMs: 1_000 });
    await new Sender(other, 'CAR0100').send(bob, envelope('heard'));
    await until(() => listener.wakeUps.length === 1, { what: 'a wake-up' });
    expect(listener.reclaims).toBe(0);
  });

  it('on one channel are found by the backstop, and its subscription is renewed', async () => {
    const { session } = await login(node, bob);
    let renewals = 0;
    // Renews as a session does, once a poll has found something.
    const subscription = await node.subscribe(bob, {
      onWakeUp() {},
      onClaimed() {},
      onReclaim() {},
      onPoll: () => {
        void texts(node, session).then((found) => {
          if (found.length === 0) return;
          renewals += 1;
          subscription.renew();
        });
      },
    });
    proxy.add({ kind: 'silence', channel: (name) => name === `inbox:{${bob}}` }, 'down');
    const before = await subscribes();
    await new Sender(other, 'ALICE00').send(bob, envelope('unheard'));
    const startedMs = performance.now();
    await until(() => renewals > 0, { what: 'the backstop', timeoutMs: 5_000 });
    expect(performance.now() - startedMs).toBeLessThan(4_500);
    await until(async () => (await subscribes()) > before, { what: 'another SSUBSCRIBE' });
    expect(node.health().ready).toBe(true);
    expect(listener.wakeUps).toEqual([]);
    proxy.heal();
    await new Sender(other, 'CAR0100').send(bob, envelope('heard'));
    await until(() => listener.wakeUps.length === 1, { what: 'a wake-up' });
  });

  it('because the subscriber lost its connection: every mailbox is polled, and no session reclaims', async () => {
    await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // Well before the backstop, which would come after three seconds at the earliest.
    await until(() => listener.polls > 0, { what: 'a poll', timeoutMs: 2_500 });
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => listener.wakeUps.length === 1, { what: 'a wake-up' });
    expect(listener.reclaims).toBe(0);
  });

  it('because the subscriber cannot connect: not ready, and frequent polls', async () => {
    // Too few for the node to reconnect; open connections stay.
    const connected = String(await server.call('CLIENT', 'LIST')).split('\n').length - 1;
    await server.call('CONFIG', 'SET', 'maxclients', connected - (await subscribers()).length);
    for (const id of await subscribers()) await server.call('CLIENT', 'KILL', 'ID', id);
    await until(() => !node.health().ready, { what: 'the lost subscriber to be noticed' });
    await until(() => notes.lostProbes > 1, { what: 'more probes to be lost' });
    expect(node.health().reason).toContain('max number of clients');
    const polls = listener.polls;
    // Well before the backstop.
    await until(() => listener.polls >= polls + 3, { what: 'polls', timeoutMs: 3 * 500 + 500 });
    await server.call('CONFIG', 'SET', 'maxclients', connected + 100);
    await until(() => node.health().ready, { what: 'the subscriber to be back' });
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => listener.wakeUps.length === 1, { what: 'a wake-up' });
    expect(listener.reclaims).toBe(0);
  });

  it('because the command connection was lost: every session reclaims, spread over time', async () => {
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => listener.reclaims > 0, { what: 'a reclaim' });
    await until(() => node.health().ready, { what: 'the engine to be ready' });
    expect(listener.polls).toBe(0);
  });

  it('are unsubscribed a while after the last listener has left, and not before', async () => {
    const name = `inbox:{${bob}}`;
    const subscribed = async () =>
      Number(((await server.call('PUBSUB', 'SHARDNUMSUB', name)) as unknown[])[1]);
    const leaving = await node.subscribe(bob, new RecordingListener());
    const last = await node.subscribe(bob, listener);
    leaving.unsubscribe();
    const leftMs = performance.now();
    await until(() => performance.now() - leftMs > 4 * LINGER_MS, { what: 'longer than channels linger' });
    expect(await subscribed()).toBe(1);
    last.unsubscribe();
    first.unsubscribe();
    expect(await subscribed()).toBe(1);
    await until(async () => (await subscribed()) === 0, { what: 'the subscription to end' });
    await until(() => notes.channels === 0, { what: 'the node to count it as ended' });
  });

  it('reach a listener that stays, however quickly others come and go, and however slow the network is', async () => {
    proxy.add({ kind: 'latency', latencyMs: 5, jitterMs: 4 }, 'up', 'down');
    first.unsubscribe();
    for (let round = 0; round < 40; round += 1) {
      const subscription = await node.subscribe(bob, new RecordingListener());
      subscription.unsubscribe();
      // Around the time at which the channel is given up.
      const leftMs = performance.now();
      const pauseMs = LINGER_MS - 5 + (round % 20);
      await until(() => performance.now() - leftMs > pauseMs, { what: 'a short pause' });
    }
    const staying = await listening(node, bob);
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => staying.wakeUps.length === 1, { what: 'a wake-up', timeoutMs: 1_000 });
  });

  it('are delayed by bounded times, by default', () => {
    // Unavailable within 2 s, not ready within two probes and 5 s; polls every 5 s while silent, otherwise 40 s.
    expect(TIMINGS.callTimeoutMs).toBeLessThan(2_000);
    expect(TIMINGS.commandTimeoutMs).toBeLessThan(TIMINGS.callTimeoutMs);
    expect(TIMINGS.waitTimeoutMs).toBeLessThan(TIMINGS.commandTimeoutMs);
    expect(TIMINGS.probeEveryMs + TIMINGS.probePatienceMs).toBeLessThan(5_000);
    expect(TIMINGS.probePatienceMs).toBeLessThanOrEqual(TIMINGS.probeEveryMs);
    expect(TIMINGS.silentPollEveryMs).toBeLessThanOrEqual(5_000);
    expect(TIMINGS.pollEveryMs).toBeLessThanOrEqual(40_000);
    expect(TIMINGS.presenceTtlMs).toBeGreaterThanOrEqual(3 * TIMINGS.presenceEveryMs);
  });
});
