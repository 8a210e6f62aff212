import { afterEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { slotOf } from '../../../../src/engine/redis/cluster/slots.ts';
import { awayKeys } from '../../../../src/engine/redis/schema.ts';
import type { Announcement } from '../../../../src/engine/verbs/announcements.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { redisNode } from '../../backends.ts';
import { envelope, register, Sender } from '../../fixture.ts';

const TIMINGS = { announceAfterMs: 50, announceSweepMs: 200 };

/** Users who are away, as they stand in Redis. */
describe('a node that dies', () => {
  const server = redisForTests();
  const nodes: Engine[] = [];
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await server.call('FLUSHALL');
  });

  const start = async (announces = true) => {
    const node = redisNode({ urls: [server.url], announces, timings: TIMINGS });
    nodes.push(node);
    await node.start();
    return node;
  };
  const store = async (node: Engine) => {
    const { code } = await register(node, true);
    await new Sender(node, 'A11CE00').send(code, envelope('a'));
    return code;
  };
  const takenBy = async (node: Engine): Promise<readonly Announcement[]> => {
    const taken: Announcement[] = [];
    await until(async () => taken.push(...(await node.announcements.take(10))) > 0, { what: 'a user' });
    return taken;
  };

  it('between storing and waking leaves a note that another node finds', async () => {
    const [dies, other] = [await start(), await start()];
    const code = await store(dies);
    await dies.close();
    const taken = await takenBy(other);
    expect(taken.map((each) => each.code)).toEqual([code]);
    await other.announcements.done(taken);
    expect(await server.call('EXISTS', 'away:{0}')).toBe(0);
  });

  it('between waking and saying so leaves what it has taken to another, after its lease', async () => {
    const [dies, other] = [await start(), await start()];
    const code = await store(dies);
    const first = await takenBy(dies);
    await dies.close();
    const leaseMs = Number(await server.call('ZSCORE', 'away:{0}', code)) - Date.now();
    expect(leaseMs).toBeGreaterThan(25_000);
    expect(leaseMs).toBeLessThanOrEqual(30_000);
    // As after half a minute.
    await server.call('ZADD', 'away:{0}', Date.now(), code);
    const second = await takenBy(other);
    expect(second).toMatchObject([{ code, epoch: first[0]?.epoch }]);
  });

  it('does not hinder a start after which nothing is announced: then nothing is noted', async () => {
    await store(await start(false));
    expect(await server.call('EXISTS', 'away:{0}')).toBe(0);
  });

  it('leaves notes that expire with the mail', async () => {
    await store(await start());
    const ttlMs = Number(await server.call('PTTL', 'away:{0}'));
    expect(ttlMs).toBeGreaterThan(6.9 * 24 * 3600 * 1000);
  });
});

it('in a Cluster users are noted on their own slots, in one key for each of 16,384', () => {
  const { of, all } = awayKeys(true);
  expect(new Set(all.map(slotOf)).size).toBe(16_384);
  for (const code of ['A11CE00', 'EVE0000', '0000000']) {
    expect(slotOf(of(code))).toBe(slotOf(`user:{${code}}`));
    expect(all).toContain(of(code));
  }
});
