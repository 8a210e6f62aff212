import { expect, it } from 'vitest';
import { startRedis } from '../../support/servers/redis.ts';
import { until } from '../../support/until.ts';
import { redisNode } from '../backends.ts';
import { Ears, envelope, register, Sender } from '../fixture.ts';

/** Retries of a subscription come after one to two of these, ms: long enough for Redis to be back before. */
const SPREAD_MS = 2_000;

it('who subscribes again is heard although a retry of his earlier subscription was still due', async () => {
  const server = await startRedis({ appendonly: 'yes' });
  const timings = { pollEveryMs: 300, spreadMs: SPREAD_MS, lingerMs: 10, callTimeoutMs: 1_500 };
  const node = redisNode({ urls: [server.url], timings });
  await node.start();
  const { code } = await register(node);
  const before = new Ears();
  const subscription = await node.subscribe(code, before);
  await server.kill();
  await until(() => !node.health().ready, { what: 'Redis to be missed' });
  // Each of these looks tries to subscribe, fails, and sets a retry.
  const looks = before.looks;
  await until(() => before.looks >= looks + 2, { what: 'looks in vain' });
  subscription.unsubscribe();
  const goneMs = performance.now();
  await server.restart();
  await until(() => node.health().ready, { what: 'Redis to be back' });
  const after = new Ears();
  await node.subscribe(code, after);
  await until(() => performance.now() - goneMs > 2 * SPREAD_MS + 500, { what: 'every retry to be over' });
  await new Sender(node, 'ALICE00').send(code, envelope('a'));
  await until(() => after.wakeUps.length === 1, { what: 'the wake-up' });
  expect(after.wakeUps).toHaveLength(1);
  await node.close();
  await server.remove();
});
