import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { SILENT } from '../../../../src/engine/observer.ts';
import { Calls } from '../../../../src/engine/redis/cluster/calls.ts';
import { Conditions } from '../../../../src/engine/redis/cluster/conditions.ts';
import { discovery } from '../../../../src/engine/redis/cluster/discovery.ts';
import { Router } from '../../../../src/engine/redis/cluster/router.ts';
import { parseDeployment } from '../../../../src/engine/redis/connection/address.ts';
import { Store } from '../../../../src/engine/redis/mailbox/store.ts';
import { loadScripts } from '../../../../src/engine/redis/scripts.ts';
import { TIMINGS } from '../../../../src/engine/redis/timings.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { LIMITS, runningNode } from '../../backends.ts';
import { envelope, frame, newSession, newToken, register, texts } from '../../fixture.ts';

/** Calls have a deadline, in the time of Redis, after which they must not take effect. */
describe('a call that reaches Redis too late', () => {
  const server = redisForTests();
  let node: Engine;
  const scripts = loadScripts(LIMITS);
  beforeAll(async () => {
    node = await runningNode({ urls: [server.url] });
    return () => node.close();
  });

  const script = (name: 'deliver' | 'claim', code: string, args: readonly (string | number)[]) =>
    server.call('EVAL', scripts[name].source.toString(), 1, `user:{${code}}`, ...args);
  const nowUs = async () => {
    const [seconds, micros] = (await server.call('TIME')) as string[];
    return Number(seconds) * 1e6 + Number(micros);
  };

  it('stores nothing and changes nothing; before its deadline it stores', async () => {
    const { code } = await register(node);
    const written = [`inbox:{${code}}`, `from:{${code}}:ALICE00`, `seen:{${code}}:0`, `seen:{${code}}:1`];
    const args = (latest: number) => ['ALICE00', 1, 1, latest, 7, '-', '', frame('a').toString(), 'x', 'd'];
    const before = await server.call('HGETALL', `user:{${code}}`);
    expect(await script('deliver', code, args((await nowUs()) - 1))).toBe('late');
    expect(await server.call('EXISTS', ...written)).toBe(0);
    expect(await server.call('HGETALL', `user:{${code}}`)).toEqual(before);
    expect(await script('deliver', code, args((await nowUs()) + 1e6))).toBe('s');
  });

  it('claims nothing; neither does a call from before the clock of Redis was set back', async () => {
    const { code, session } = await newSession(node);
    const args = (earliest: number, latest: number) => [newToken(), 'n', 2, earliest, latest, 1e12];
    const now = await nowUs();
    expect(await script('claim', code, args(0, now - 1))).toEqual(['late', expect.any(Number)]);
    expect(await script('claim', code, args(now + 1e9, now + 2e9))).toEqual(['late', expect.any(Number)]);
    expect(await texts(node, session)).toEqual([]);
    expect(await node.findUser(code)).toMatchObject({ minProtocol: 1 });
  });

  it('is final for a batch, and leads to fresh time for the next call; a claim is retried at once', async () => {
    const timings = TIMINGS;
    const { discover, confirmMaster } = await discovery(
      parseDeployment([server.url]),
      timings.commandTimeoutMs,
    );
    const context = {
      access: { tls: false, username: null, password: null },
      confirmMaster,
      scripts,
      timings,
      waitReplicas: 0,
      observer: SILENT,
    };
    const nothing = () => {};
    const events = {
      onMessage: nothing,
      onReady: nothing,
      onLost: nothing,
      onSubscriberReady: nothing,
      onSubscriberLost: nothing,
      onDropped: nothing,
    };
    const router = new Router({ discover, context, eventsOf: () => events, onSlotsMoved: nothing });
    await router.start();
    const [shard] = router.shards;
    await until(() => shard?.ready === true, { what: 'the shard' });
    const calls = new Calls({ router, timings, observer: SILENT, conditions: new Conditions(SILENT) });
    const { callTimeoutMs } = timings;
    const store = new Store({
      calls,
      scripts,
      mailboxTtlMs: LIMITS.mailboxTtlMs,
      nodeId: 'n',
      durable: false,
      observer: SILENT,
      away: null,
      callTimeoutMs,
    });
    const { code } = await register(node);
    const request = { sender: 'ALICE00', recipient: code, epoch: 1, envelopes: [envelope('a')] };
    for (const [number, believedUs] of [
      [1, 1],
      [2, 4e15],
    ] as const) {
      const deliver = () => store.deliver({ ...request, number, heldAtMs: performance.now() });
      shard?.clock.observe(believedUs, performance.now(), performance.now());
      if (believedUs === 1) expect(await deliver()).toEqual(['late']);
      expect(await deliver()).toEqual(['stored']);
      shard?.clock.observe(believedUs, performance.now(), performance.now());
      const claim = await store.claim({ code, token: newToken(), protocol: 1 });
      expect(claim.result).toMatchObject({ outcome: 'claimed', waiting: number });
    }
    router.close('done');
  });
});
