import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { isAfter, microseconds } from '../../../../src/engine/mailbox-id.ts';
import { loadScripts } from '../../../../src/engine/redis/scripts.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { until } from '../../../support/until.ts';
import { LIMITS, runningNode } from '../../backends.ts';
import {
  accountOf,
  envelope,
  ids,
  key,
  listening,
  login,
  register,
  registration,
  Sender,
  texts,
} from '../../fixture.ts';
import { Notes } from '../../notes.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const HOUR_US = 3_600_000_000n;

/** The keys of the engine in Redis. */
describe('keys in Redis', () => {
  const server = redisForTests();
  let node: Engine;
  const notes = new Notes();
  let bob: string;

  beforeAll(async () => {
    const presence = () => ({ address: '127.0.0.1:8080', version: '1.2.3', sockets: 0 });
    node = await runningNode({ urls: [server.url], observer: notes, presence });
    return () => node.close();
  });
  beforeEach(async () => {
    bob = (await register(node)).code;
  });

  const number = async (command: string, ...args: (string | number)[]) =>
    Number(await server.call(command, ...args));
  const pttl = (name: string) => number('PTTL', name);
  const user = () => `user:{${bob}}`;

  it('have a TTL, except counters and those of claimed accounts', async () => {
    await new Sender(node, 'ALICE00').send(bob, envelope('a', 'x'));
    const claimed = await register(node, true);
    const eternal = new Set([
      `user:{${claimed.code}}`,
      `key:${claimed.eddsaPublicKey}`,
      'user:next-id',
      '{user:next-id}:unclaimed',
      '{user:next-id}:claimed',
    ]);
    const keys = (await server.call('KEYS', '*')) as string[];
    const forever = [];
    for (const name of keys) if ((await pttl(name)) < 0) forever.push(name);
    expect(new Set(forever)).toEqual(eternal);
    expect(keys.filter((name) => name.startsWith('node:'))).toHaveLength(2);
  });

  it('of an unclaimed account expire after 30 days, its key record no earlier; a login makes both permanent', async () => {
    const account = await accountOf(node, bob);
    const keyRecord = `key:${account?.eddsaPublicKey}`;
    expect(await pttl(user())).toBeGreaterThan(30 * DAY_MS - MINUTE_MS);
    expect(await pttl(user())).toBeLessThanOrEqual(30 * DAY_MS);
    expect(await pttl(keyRecord)).toBeGreaterThanOrEqual(await pttl(user()));
    await login(node, bob);
    expect(await pttl(user())).toBe(-1);
    await until(async () => (await pttl(keyRecord)) === -1, { what: 'the key record to be kept' });
    await until(async () => (await server.call('HGET', user(), 'settled')) === '1', {
      what: 'it to be marked as settled',
    });
  });

  it('left half settled by a first login are settled by the next', async () => {
    const account = await accountOf(node, bob);
    await login(node, bob);
    await until(async () => (await server.call('HGET', user(), 'settled')) === '1', { what: 'settling' });
    // As if the node had died between claim and settling.
    await server.call('HSET', user(), 'settled', '0');
    await server.call('DEL', `key:${account?.eddsaPublicKey}`);
    await login(node, bob);
    await until(async () => (await server.call('GET', `key:${account?.eddsaPublicKey}`)) === bob, {
      what: 'the key record',
    });
    expect(await pttl(`key:${account?.eddsaPublicKey}`)).toBe(-1);
  });

  it('of an interrupted registration expire within a minute, or the next try completes them', async () => {
    const request = registration();
    const first = await node.register(request);
    const code = 'user' in first ? first.user.code : '';
    // As after the key record was taken and before the account was completed.
    await server.call('HSET', `user:{${code}}`, 'pending', '1');
    await server.call('PEXPIRE', `user:{${code}}`, MINUTE_MS);
    expect(await node.register(request)).toEqual({ ...first, outcome: 'existing' });
    expect(await pttl(`user:{${code}}`)).toBeGreaterThan(29 * DAY_MS);
    // As once that account has expired: the key record names a missing account.
    await server.call('DEL', `user:{${code}}`);
    const second = await node.register(request);
    expect(second).toMatchObject({ outcome: 'created' });
    expect(second).not.toHaveProperty('user.code', code);
    // A key record with the code of another account is not believed either.
    await server.call('SET', `key:${request.eddsaPublicKey}`, bob);
    expect(await node.register({ ...request, ecdhPublicKey: key() })).toMatchObject({ outcome: 'created' });
    expect(await node.findUser(bob)).not.toMatchObject({ eddsaPublicKey: request.eddsaPublicKey });
  });

  it('of fences, remembered ids and mailboxes expire when they are of no more use', async () => {
    await new Sender(node, 'ALICE00').send(bob, envelope('a', 'x'));
    expect(await pttl(`from:{${bob}}:ALICE00`)).toBeGreaterThan(1.9 * MINUTE_MS);
    expect(await pttl(`from:{${bob}}:ALICE00`)).toBeLessThanOrEqual(2 * MINUTE_MS);
    const seen = Math.max(await pttl(`seen:{${bob}}:0`), await pttl(`seen:{${bob}}:1`));
    expect(seen).toBeGreaterThan(10 * MINUTE_MS);
    expect(seen).toBeLessThanOrEqual(20 * MINUTE_MS);
    const inbox = await pttl(`inbox:{${bob}}`);
    expect(inbox).toBeGreaterThan(7 * DAY_MS);
    expect(inbox).toBeLessThanOrEqual(1.25 * 7 * DAY_MS);
  });

  it('of an empty mailbox are deleted, and its counters are 0', async () => {
    const { session } = await login(node, bob);
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('a'), envelope('b'), envelope('c'));
    const [first = '', , last = ''] = await ids(node, session);
    await node.confirm(session, first);
    expect(await number('EXISTS', `inbox:{${bob}}`)).toBe(1);
    await node.confirm(session, last);
    expect(await number('EXISTS', `inbox:{${bob}}`)).toBe(0);
    expect(await server.call('HMGET', user(), 'count', 'total', 'base', 'last', 'confirmed')).toEqual([
      '0',
      '0',
      '0',
      last,
      last,
    ]);
  });

  it('are not created by any verb for a missing user', async () => {
    const before = await number('DBSIZE');
    const session = { code: '0000000', token: '0'.repeat(32), epoch: 1, protocol: 2 } as const;
    await node.claim({ code: session.code, token: session.token, protocol: 2 });
    await node.reclaim(session, '1-1');
    await node.read({ session, after: null, maxEnvelopes: 1, maxBytes: 1 });
    await node.confirm(session, '1-1');
    await node.release(session);
    await new Sender(node, 'ALICE00').send(session.code, envelope('a', 'x'));
    expect(await number('DBSIZE')).toBe(before);
  });

  it('prevent ids and epochs from going back when the clock does', async () => {
    await new Sender(node, 'ALICE00').send(bob, envelope('a'));
    const { session } = await login(node, bob);
    const [first = ''] = await ids(node, session);
    // As for a new master whose clock is an hour behind.
    const ahead = `${BigInt(microseconds(first)) + HOUR_US}-77`;
    await server.call('HSET', user(), 'last', ahead, 'epoch', session.epoch + 3_600_000);
    const listener = await listening(node, bob);
    await new Sender(node, 'CAR0100').send(bob, envelope('b'), envelope('c'));
    await until(() => listener.wakeUps.length === 2, { what: 'wake-ups' });
    const [second, third] = listener.wakeUps;
    expect(second?.prev).toBe(ahead);
    expect(microseconds(second?.id ?? '')).toBe(`${BigInt(microseconds(ahead)) + 1n}`);
    expect(isAfter(third?.id ?? '', second?.id ?? '')).toBe(true);
    const later = await login(node, bob);
    expect(later.session.epoch).toBe(session.epoch + 3_600_001);
    expect(await texts(node, later.session)).toEqual(['a', 'b', 'c']);
  });

  it('limit the ids that a mailbox remembers: the older half is forgotten first, and counted', async () => {
    const period = Math.floor(Date.now() / (10 * MINUTE_MS));
    const current = `seen:{${bob}}:${period % 2}`;
    const other = `seen:{${bob}}:${1 - (period % 2)}`;
    const fill = Array.from({ length: 9_999 }, (_, n) => [`DAVE000:id${n}`, 'digest']).flat();
    await server.call('HSET', current, ...fill);
    await server.call('HSET', other, 'DAVE000:old', 'digest');
    const alice = new Sender(node, 'ALICE00');
    const forgotten = notes.forgotten;
    expect(await alice.send(bob, envelope('a', 'x'), envelope('b', 'y'))).toEqual(['stored', 'stored']);
    expect(notes.forgotten).toBe(forgotten + 1);
    expect(await number('HLEN', current)).toBe(2);
    expect(await number('HLEN', other)).toBe(9_999);
    // Ids that are added to it in the next period must last for another.
    expect(await pttl(other)).toBeGreaterThan(20 * MINUTE_MS);
    expect(await alice.send(bob, envelope('a', 'x'))).toEqual(['repeated']);
    const dave = new Sender(node, 'DAVE000');
    expect(await dave.send(bob, envelope('a', 'id5', 'digest'), envelope('a', 'old', 'digest'))).toEqual([
      'repeated',
      'stored',
    ]);
  });

  it('of the previous period are still known', async () => {
    const period = Math.floor(Date.now() / (10 * MINUTE_MS));
    await server.call('HSET', `seen:{${bob}}:${1 - (period % 2)}`, 'ALICE00:x', 'digest');
    const alice = new Sender(node, 'ALICE00');
    expect(await alice.send(bob, envelope('a', 'x', 'digest'), envelope('b', 'x', 'other'))).toEqual([
      'repeated',
      'id_conflict',
    ]);
  });

  it('of an expired account are not inherited by the next account with its code', async () => {
    const { create } = loadScripts(LIMITS);
    const names = [
      'user:{0000001}',
      'inbox:{0000001}',
      'seen:{0000001}:0',
      'seen:{0000001}:1',
      'shares:{0000001}',
    ];
    await server.call('XADD', 'inbox:{0000001}', '1-1', 'f', 'old');
    await server.call('HSET', 'seen:{0000001}:0', 'ALICE00:x', 'digest');
    await server.call('HSET', 'shares:{0000001}', 'ALICE00', '1 9');
    const args = [99, key(), key(), '', MINUTE_MS, 100, 9e15];
    const run = () => server.call('EVAL', create.source.toString(), 1, 'user:{0000001}', ...args);
    expect(await run()).toBe('created');
    expect(await number('EXISTS', ...names)).toBe(1);
    expect(await run()).toBe('taken');
  });

  it('that expire as a whole count as expired envelopes', async () => {
    const alice = new Sender(node, 'ALICE00');
    await alice.send(bob, envelope('a'), envelope('b'));
    await server.call('DEL', `inbox:{${bob}}`);
    await server.call('HSET', user(), 'oldest', 1);
    const claimed = await login(node, bob);
    expect(claimed).toMatchObject({ waiting: 0, expired: 2 });
    await alice.send(bob, envelope('c'));
    expect(await texts(node, claimed.session, claimed.last)).toEqual(['c']);
  });
});
