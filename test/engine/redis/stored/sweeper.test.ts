import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { redisNode } from '../../backends.ts';
import { envelope, login, register, Sender } from '../../fixture.ts';

/** What one node at a time clears away. */
describe('the sweeper', () => {
  const server = redisForTests();
  let nodes: Engine[];
  let ttlMs: number;
  const number = async (command: string, ...args: (string | number)[]) =>
    Number(await server.call(command, ...args));
  const LEAVING = '{user:next-id}:leaving';
  const CLAIMED = '{user:next-id}:claimed';

  beforeEach(async () => {
    await server.call('FLUSHALL');
    ttlMs = 0;
    const presence = () => ({ address: '127.0.0.1:8080', version: '1.2.3', sockets: 0 });
    const timings = { sweepEveryMs: 30, presenceEveryMs: 50 };
    const start = async () => {
      const node = redisNode({ urls: [server.url], presence, timings, accountIdleTtlMs: () => ttlMs });
      await node.start();
      return node;
    };
    nodes = [await start(), await start()];
  });
  afterEach(() => Promise.all(nodes.map((node) => node.close())));

  const one = () => nodes[0] as Engine;

  it('finishes a deletion whose node died behind the first step', async () => {
    const { code, eddsaPublicKey } = await register(one(), true);
    await expect.poll(() => number('GET', CLAIMED)).toBe(1);
    // As accounts/leave leaves it.
    await server.call('DEL', `user:{${code}}`);
    await server.call('HSET', `user:{${code}}`, 'gone', 1, 'key', eddsaPublicKey);
    await server.call('ZADD', LEAVING, Date.now() - 61_000, code);
    await expect.poll(() => number('EXISTS', `key:${eddsaPublicKey}`), { timeout: 5_000 }).toBe(0);
    await expect.poll(() => number('ZCARD', LEAVING), { timeout: 5_000 }).toBe(0);
    expect(await number('GET', CLAIMED)).toBe(0);
    expect(await server.call('HKEYS', `user:{${code}}`)).toEqual(['gone']);
    expect(await one().findUser(code)).toBe('gone');
  });

  it('strikes out a deletion whose node died before the first step', async () => {
    const { code } = await register(one(), true);
    await expect.poll(() => number('GET', CLAIMED)).toBe(1);
    await server.call('ZADD', LEAVING, Date.now() - 61_000, code);
    await expect.poll(() => number('ZCARD', LEAVING), { timeout: 5_000 }).toBe(0);
    expect(await number('GET', CLAIMED)).toBe(1);
    expect(await one().findUser(code)).toMatchObject({ code });
  });

  it('leaves a deletion alone that may still be under way', async () => {
    const { code } = await register(one(), true);
    await server.call('ZADD', LEAVING, Date.now(), code);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await number('ZCARD', LEAVING)).toBe(1);
  });

  it('deletes accounts that are idle, and neither connected nor banned ones; codes are not given again', async () => {
    const [idle, connected, banned] = await Promise.all([1, 2, 3].map(() => register(one(), true)));
    if (idle === undefined || connected === undefined || banned === undefined)
      throw new Error('not registered');
    await login(one(), connected.code);
    await one().operators.ban(banned.code, { forMs: null, reason: '' });
    await expect.poll(async () => (await one().liveNodes()).length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await one().findUser(idle.code)).toMatchObject({ code: idle.code });
    // Redis tells whole seconds here.
    ttlMs = 1_000;
    await expect.poll(() => one().findUser(idle.code), { timeout: 10_000 }).toBe('gone');
    await expect.poll(() => number('EXISTS', `key:${idle.eddsaPublicKey}`)).toBe(0);
    expect(await new Sender(one(), 'ALICE00').send(idle.code, envelope('a'))).toEqual(['recipient_unknown']);
    expect(await one().findUser(connected.code)).toMatchObject({ code: connected.code });
    expect(await one().findUser(banned.code)).toMatchObject({ code: banned.code });
  });

  it('counts from the end of the last session, not from its login; of a node that died, from when that is noticed', async () => {
    const users = await Promise.all([1, 2, 3, 4].map(() => register(one(), true)));
    const [released, disconnected, died, before] = users.map(({ code }) => code) as [
      string,
      string,
      string,
      string,
    ];
    const longAgoMs = Date.now() - 1_000_000;
    const sessions = await Promise.all(users.map(({ code }) => login(one(), code)));
    for (const { code } of users)
      await server.call('HSET', `user:{${code}}`, 'epoch', longAgoMs, 'created', longAgoMs * 1000);
    for (const { session } of sessions)
      if (session.code === released || session.code === before) await one().release(session);
    await one().operators.disconnect(disconnected);
    await server.call('HSET', `user:{${died}}`, 'node', 'a-node-that-died');
    // As an earlier version ends a session.
    await server.call('HDEL', `user:{${before}}`, 'ended');
    await expect.poll(async () => (await one().liveNodes()).length).toBe(2);
    ttlMs = 500_000;
    await expect.poll(() => one().findUser(before), { timeout: 10_000 }).toBe('gone');
    await expect.poll(() => server.call('HGET', `user:{${died}}`, 'token'), { timeout: 10_000 }).toBe('');
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const code of [released, disconnected, died]) {
      expect(await one().findUser(code)).toMatchObject({ code });
      expect(await number('HGET', `user:{${code}}`, 'ended')).toBeGreaterThan(longAgoMs + 900_000);
      await server.call('HSET', `user:{${code}}`, 'ended', longAgoMs);
      await expect.poll(() => one().findUser(code), { timeout: 10_000 }).toBe('gone');
    }
  });
});
