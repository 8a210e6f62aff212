import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, Subscription } from '../../../src/engine/engine.ts';
import { TIMINGS, type Timings } from '../../../src/engine/redis/timings.ts';
import { TcpProxy } from '../../faults/injectors/proxy.ts';
import { type RedisServer, startRedis } from '../../support/servers/redis.ts';
import { until } from '../../support/until.ts';
import { redisNode } from '../backends.ts';
import { Ears, envelope, login, register, Sender, texts } from '../fixture.ts';
import { Notes } from '../notes.ts';

const LINGER_MS = 50;

/** A tenth and less of the real times, in the same relations. */
const SHORT: Partial<Timings> = {
  probeEveryMs: 200,
  probePatienceMs: 150,
  resubscribeEveryMs: 1_000,
  pollEveryMs: 4_000,
  silentPollEveryMs: 500,
  spreadMs: 250,
  lingerMs: LINGER_MS,
};

describe('wake-ups that do not come', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let notes: Notes;
  let node: Engine;
  let other: Engine;
  let bob: string;
  let ears: Ears;
  let first: Subscription;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await TcpProxy.start({ port: server.port, redis: true });
    notes = new Notes();
    node = redisNode({ urls: [`redis://127.0.0.1:${proxy.port}`], observer: notes, timings: SHORT });
    other = redisNode({ urls: [server.url] });
    await Promise.all([node.start(), other.start()]);
    bob = (await register(node)).code;
    ears = new Ears();
    first = await node.subscribe(bob, ears);
  });
  afterEach(async () => {
    await Promise.all([node.close(), other.close()]);
    await proxy.stop();
    await server.remove();
  });

  /** The connections of both nodes that are subscribed to Bob's mailbox or may be: those of one node. */
  const subscribers = async (): Promise<string[]> => {
    const list = String(await server.call('CLIENT', 'LIST')).split('\n');
    // Two channels: the node's probe and Bob's mailbox. The other node has its probe only.
    return list.filter((line) => / ssub=2 /.test(line)).map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
  };

  it('at all are noticed by the probe: not ready, mailboxes read often instead, resubscribed, ready when they come', async () => {
    const { session } = await login(node, bob);
    await until(() => ears.claims.length === 1, { what: 'wake-ups to come' });
    const before = await subscribers();
    expect(before).toHaveLength(1);
    proxy.add({ kind: 'silence', channel: () => true }, 'down');
    const deafMs = performance.now();
    await until(() => !node.health().ready, { what: 'the probe to fail', timeoutMs: 1_000 });
    expect(performance.now() - deafMs).toBeLessThan(2 * 350 + 250);
    expect(node.health().reason).toContain('wake-ups');
    // Everything else works, and what was stored is found by looking.
    expect(await new Sender(other, 'ALICE00').send(bob, envelope('unheard'))).toEqual(['stored']);
    const looks = ears.looks;
    await until(() => ears.looks >= looks + 3, { what: 'looks', timeoutMs: 3 * 500 + 500 });
    expect(await texts(node, session)).toEqual(['unheard']);
    expect(ears.wakeUps).toEqual([]);
    // Its connection has been made anew meanwhile, in vain.
    await until(async () => notes.lostProbes > 3, { what: 'more probes to be lost' });
    expect(await subscribers()).not.toEqual(expect.arrayContaining(before));
    proxy.heal();
    await until(() => node.health().ready, { what: 'the probe to come back', timeoutMs: 3_000 });
    const after = ears.looks;
    await until(() => ears.looks > after, { what: 'one look for what was missed', timeoutMs: 1_000 });
    await new Sender(other, 'CAR0100').send(bob, envelope('heard'));
    await until(() => ears.wakeUps.length === 1, { what: 'a wake-up' });
    expect(ears.reclaims).toBe(0);
  });

  it('on one channel alone are found by the backstop, and its subscription is renewed and counted', async () => {
    const { session } = await login(node, bob);
    // Renews as a session does, once a look has found something.
    const subscription = await node.subscribe(bob, {
      onWakeUp() {},
      onClaimed() {},
      onReclaim() {},
      onPoll: () => {
        void texts(node, session).then((found) => {
          if (found.length > 0) subscription.renew();
        });
      },
    });
    proxy.add({ kind: 'silence', channel: (name) => name === `inbox:{${bob}}` }, 'down');
    await new Sender(other, 'ALICE00').send(bob, envelope('unheard'));
    const startedMs = performance.now();
    await until(() => notes.lostWakeUps > 0, { what: 'the backstop', timeoutMs: 5_000 });
    expect(performance.now() - startedMs).toBeLessThan(4_500);
    expect(node.health().ready).toBe(true);
    expect(ears.wakeUps).toEqual([]);
    proxy.heal();
    await new Sender(other, 'CAR0100').send(bob, envelope('heard'));
    await until(() => ears.wakeUps.length === 1, { what: 'a wake-up' });
  });

  it('because the subscriber lost its connection: every mailbox is looked into, and nobody reclaims', async () => {
    await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // Well before the backstop, which would come after three seconds at the earliest.
    await until(() => ears.looks > 0, { what: 'a look', timeoutMs: 1_500 });
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => ears.wakeUps.length === 1, { what: 'a wake-up' });
    expect(ears.reclaims).toBe(0);
  });

  it('because the subscriber finds no connection any more: not ready, and mailboxes read often instead', async () => {
    // One too many for a node that comes back: what stands, stands.
    const connected = String(await server.call('CLIENT', 'LIST')).split('\n').length - 1;
    await server.call('CONFIG', 'SET', 'maxclients', connected - (await subscribers()).length);
    for (const id of await subscribers()) await server.call('CLIENT', 'KILL', 'ID', id);
    await until(() => !node.health().ready, { what: 'the subscriber to be missed' });
    await until(() => notes.lostProbes > 1, { what: 'it to be missed for longer' });
    expect(node.health().reason).toContain('max number of clients');
    const looks = ears.looks;
    // Well before the backstop.
    await until(() => ears.looks >= looks + 3, { what: 'looks', timeoutMs: 3 * 500 + 500 });
    await server.call('CONFIG', 'SET', 'maxclients', connected + 100);
    await until(() => node.health().ready, { what: 'the subscriber to be back' });
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => ears.wakeUps.length === 1, { what: 'a wake-up' });
    expect(ears.reclaims).toBe(0);
  });

  it('because commands lost their connection: every session reclaims, in its own time', async () => {
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => ears.reclaims > 0, { what: 'a reclaim' });
    await until(() => node.health().ready, { what: 'the engine to be ready' });
    expect(ears.looks).toBe(0);
  });

  it('to who has gone are ended at the server after a while, and to nobody else', async () => {
    const name = `inbox:{${bob}}`;
    const subscribed = async () =>
      Number(((await server.call('PUBSUB', 'SHARDNUMSUB', name)) as unknown[])[1]);
    const leaving = await node.subscribe(bob, new Ears());
    const last = await node.subscribe(bob, ears);
    leaving.unsubscribe();
    const leftMs = performance.now();
    await until(() => performance.now() - leftMs > 4 * LINGER_MS, { what: 'longer than channels linger' });
    expect(await subscribed()).toBe(1);
    last.unsubscribe();
    first.unsubscribe();
    expect(await subscribed()).toBe(1);
    await until(async () => (await subscribed()) === 0, { what: 'the subscription to end' });
    await until(() => notes.channels === 0, { what: 'the node to hear that it has ended' });
  });

  it('come to who stays, however quickly others come and go, and however slow the network is', async () => {
    proxy.add({ kind: 'latency', latencyMs: 5, jitterMs: 4 }, 'up', 'down');
    first.unsubscribe();
    for (let round = 0; round < 40; round += 1) {
      const subscription = await node.subscribe(bob, new Ears());
      subscription.unsubscribe();
      // Around the time at which the channel is given up.
      const leftMs = performance.now();
      const pauseMs = LINGER_MS - 5 + (round % 20);
      await until(() => performance.now() - leftMs > pauseMs, { what: 'a moment' });
    }
    const staying = new Ears();
    await node.subscribe(bob, staying);
    await new Sender(other, 'ALICE00').send(bob, envelope('heard'));
    await until(() => staying.wakeUps.length === 1, { what: 'a wake-up', timeoutMs: 1_000 });
  });

  it('are bounded in time by default', () => {
    // FAULTS: unavailable within 2 s, not ready within two probes and 5 s, 5 s between looks while deaf, else 40 s.
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
