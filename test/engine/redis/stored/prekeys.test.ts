import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import { login, prekeyBatch, register } from '../../fixture.ts';

/** Prekeys in a Redis that has gone back, or is about to be left. */
const server = redisForTests({ appendonly: 'yes' });
let node: Engine;
let bob: string;

beforeAll(async () => {
  node = await runningNode({ urls: [server.url] });
  return () => node.close();
});
beforeEach(async () => {
  bob = (await register(node, true)).code;
});

const claim = (claimer: string) => node.prekeys.claim({ code: bob, claimer, id: 'one' });

it('a backup that was restored gives no key again, and the next login asks for another generation', async () => {
  const before = await login(node, bob, 2);
  const batch = prekeyBatch(1);
  await node.prekeys.publish(before.session, batch, before.prekeys.store);
  const held = ['user', 'prekeys', 'claims'].map((kind) => `${kind}:{${bob}}`);
  await claim('EVE0000');
  // The backup.
  const dumped = (await server.call('HGET', held[0] ?? '', 'prekeys')) as string;
  expect(await claim('ALICE00')).toMatchObject({ outcome: 'claimed', index: 1 });
  expect(await claim('CAR0100')).toMatchObject({ outcome: 'claimed', index: 2 });
  await server.restart();
  await until(() => node.health().ready, { what: 'the node to be ready again' });
  await server.call('HSET', held[0] ?? '', 'prekeys', dumped);
  await server.call('DEL', held[2] ?? '');
  // The keys 1 and 2 were given after the backup.
  expect(await claim('DAVE000')).toEqual({ outcome: 'claimed', batch, index: null });
  const after = await login(node, bob, 2);
  expect(after.prekeys).toMatchObject({ generation: 1, left: 0 });
  expect(after.prekeys.store).not.toBe(before.prekeys.store);
  // A batch that was under way when the store changed: the lost history may have taken it, and given its keys.
  expect(await node.prekeys.publish(after.session, prekeyBatch(2), before.prekeys.store)).toBe('elsewhere');
  expect(await node.prekeys.publish(after.session, prekeyBatch(3), after.prekeys.store)).toBe('done');
  expect(await claim('FRANK00')).toMatchObject({ outcome: 'claimed', index: 0 });
});

it('take 2 KB of a user, and nothing is left of them once the account is deleted', async () => {
  const { session, prekeys } = await login(node, bob, 2);
  await node.prekeys.publish(session, prekeyBatch(1), prekeys.store);
  await claim('ALICE00');
  expect(Number(await server.call('MEMORY', 'USAGE', `prekeys:{${bob}}`))).toBeLessThan(2_300);
  expect(Number(await server.call('PTTL', `claims:{${bob}}`))).toBeGreaterThan(86_000_000);
  await node.leave(session);
  expect(await server.call('KEYS', `*{${bob}}*`)).toEqual([`user:{${bob}}`]);
});
