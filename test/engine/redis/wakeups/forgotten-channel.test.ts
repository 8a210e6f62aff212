import { expect, it } from 'vitest';
import { startRedis } from '../../../support/redis/redis.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import { envelope, listening, RecordingListener, register, Sender } from '../../fixture.ts';

/** A retry of a subscription comes after one to two times this, ms: long enough for Redis to be back before. */
const SPREAD_MS = 2_000;

it('a new subscription works although a retry of an earlier one was still due', async () => {
  const server = await startRedis({ appendonly: 'yes' });
  const timings = { pollEveryMs: 300, spreadMs: SPREAD_MS, lingerMs: 10, callTimeoutMs: 1_500 };
  const node = await runningNode({ urls: [server.url], timings });
  const { code } = await register(node);
  const before = new RecordingListener();
  const subscription = await node.subscribe(code, before);
  await server.kill();
  await until(() => !node.health().ready, { what: 'the outage to be noticed' });
  // Each of these polls tries to subscribe, fails, and schedules a retry.
  const polls = before.polls;
  await until(() => before.polls >= polls + 2, { what: 'polls that fail' });
  subscription.unsubscribe();
  const goneMs = performance.now();
  await server.restart();
  await until(() => node.health().ready, { what: 'Redis to be back' });
  const after = await listening(node, code);
  await until(() => performance.now() - goneMs > 2 * SPREAD_MS + 500, { what: 'every retry to be over' });
  await new Sender(node, 'ALICE00').send(code, envelope('a'));
  await until(() => after.wakeUps.length === 1, { what: 'the wake-up' });
  expect(after.wakeUps).toHaveLength(1);
  await node.close();
  await server.remove();
});
