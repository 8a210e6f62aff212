import { beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../../../src/engine/engine.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { LIMITS, runningNode } from '../../backends.ts';
import { envelope, frame, ids, login, register, Sender } from '../../fixture.ts';

/** A share is 10: counted from there on, and forgotten when 5 wait. */
const QUARTER = { ...LIMITS, mailboxEnvelopes: 40, mailboxSharePercent: 25 };

const server = redisForTests();
let small: Engine;
beforeAll(async () => {
  small = await runningNode({ urls: [server.url], limits: QUARTER });
  return () => small.close();
});

/** The answer of HGETALL as entries. */
function pairs(reply: unknown): [string, string][] {
  const flat = reply as string[];
  return Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] ?? '', flat[2 * n + 1] ?? '']);
}

const number = async (command: string, ...args: (string | number)[]) =>
  Number(await server.call(command, ...args));

it('shares are counted only while that matters, with a TTL, and counted again if the count is wrong', async () => {
  const bob = (await register(small)).code;
  const shares = `shares:{${bob}}`;
  const alice = new Sender(small, 'ALICE00');
  const carol = new Sender(small, 'CAR0100');
  const one = () => envelope('12345');
  for (let n = 0; n < 10; n += 1) await alice.send(bob, one());
  expect(await number('EXISTS', shares)).toBe(0);
  expect(await alice.send(bob, one())).toEqual(['share_full']);
  const bytes = frame('12345').length;
  const fields = async () => Object.fromEntries(pairs(await server.call('HGETALL', shares)));
  expect(await fields()).toEqual({ all: '10', nALICE00: '10', bALICE00: `${10 * bytes}` });
  expect(await number('PTTL', shares)).toBeGreaterThanOrEqual(await number('PTTL', `inbox:{${bob}}`));
  await carol.send(bob, one(), one());
  expect(await fields()).toMatchObject({ all: '12', nALICE00: '10', nCAR0100: '2' });

  // As after a node of a version without shares, or after another program has deleted keys.
  await server.call('HSET', shares, 'all', 11, 'nALICE00', 3);
  expect(await alice.send(bob, one())).toEqual(['share_full']);
  await server.call('DEL', shares);
  expect(await alice.send(bob, one())).toEqual(['share_full']);
  expect(await fields()).toMatchObject({ all: '12', nALICE00: '10', nCAR0100: '2' });

  const { session } = await login(small, bob);
  const waiting = await ids(small, session);
  await small.confirm(session, waiting[4] ?? '');
  expect(await fields()).toMatchObject({ all: '7', nALICE00: '5', nCAR0100: '2' });
  await small.confirm(session, waiting[6] ?? '');
  expect(await number('EXISTS', shares)).toBe(0);
  expect(await alice.send(bob, ...Array.from({ length: 9 }, one))).toEqual([
    ...Array<string>(7).fill('stored'),
    'share_full',
    'share_full',
  ]);
  await small.confirm(session, (await ids(small, session)).at(-1) ?? '');
  expect(await number('EXISTS', shares)).toBe(0);
});
