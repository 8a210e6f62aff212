import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, SessionKey } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { runningNode } from '../../backends.ts';
import { envelope, listening, login, register, Sender, texts } from '../../fixture.ts';

const server = redisForTests();
let node: Engine;
let code: string;
/** Claimed before the state to which the store has gone back. */
let earlier: SessionKey;
/** Claimed after it: the store has forgotten it. */
let later: SessionKey;

beforeAll(async () => {
  node = await runningNode({ urls: [server.url] });
  return () => node.close();
});

beforeEach(async () => {
  ({ code } = await register(node));
  await new Sender(node, 'ALICE00').send(code, envelope('waits'));
  ({ session: earlier } = await login(node, code));
  const key = `user:{${code}}`;
  const before = (await server.call('HGETALL', key)) as string[];
  ({ session: later } = await login(node, code));
  // What a failover does that has lost the newer claim.
  await server.call('DEL', key);
  await server.call('HSET', key, ...before, 'history', 'another');
});

describe('a session that the store has forgotten', () => {
  it('reads on and is valid again: no session has displaced it', async () => {
    expect(await texts(node, later)).toEqual(['waits']);
    expect(await node.reclaim(later, null)).toBe('held');
  });

  it('continues to confirm', async () => {
    const page = await node.read({ session: earlier, after: null, maxEnvelopes: 1, maxBytes: 1 });
    if (page.state !== 'held') throw new Error(page.state);
    expect(await node.confirm(later, page.last)).toBe('held');
    expect(await texts(node, later)).toEqual([]);
  });

  it('displaces the older session again, which is notified', async () => {
    const listener = await listening(node, code);
    await texts(node, later);
    await until(() => listener.claims.includes(later.token), { what: 'the claim message' });
    expect(await node.confirm(earlier, '1-1')).toBe('displaced');
    const page = await node.read({ session: earlier, after: null, maxEnvelopes: 1, maxBytes: 1 });
    expect(page.state).toBe('displaced');
    expect((await login(node, code)).session.epoch).toBeGreaterThan(later.epoch);
  });

  it('stays closed to protocol 1 if its login was by protocol 2', async () => {
    expect(await node.reclaim({ ...later, protocol: 2 }, null)).toBe('held');
    expect(await node.findUser(code)).toMatchObject({ claimed: true, minProtocol: 2 });
  });

  it('is restored whichever of two comes first, and the newer stays', async () => {
    const newest = { ...later, token: 'ab'.repeat(16), epoch: later.epoch + 1 };
    expect(await node.reclaim(later, null)).toBe('held');
    expect(await node.reclaim(newest, null)).toBe('held');
    expect(await node.reclaim(later, null)).toBe('displaced');
    expect(await texts(node, newest)).toEqual(['waits']);
  });

  it('does not displace a login that came since, though the clock of the new master is behind', async () => {
    const ahead = { ...later, epoch: later.epoch + 3_600_000 };
    const { session } = await login(node, code);
    expect(session.epoch).toBeLessThan(ahead.epoch);
    expect(await node.reclaim(ahead, null)).toBe('displaced');
    expect(await node.confirm(ahead, '1-1')).toBe('displaced');
    expect(await texts(node, session)).toEqual(['waits']);
  });

  it('learns that its cursor is gone if that is lost too', async () => {
    const unknown = '1999999999999999-7';
    const page = await node.read({ session: later, after: unknown, maxEnvelopes: 1, maxBytes: 1 });
    expect(page.state).toBe('gone');
    expect(await node.confirm(later, unknown)).toBe('gone');
    expect(await texts(node, later)).toEqual(['waits']);
  });
});
