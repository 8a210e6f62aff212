import { expect, test } from 'vitest';
import { RegistrationWork } from '../../../src/relay/http/registration-work.ts';
import { WorkLevel } from '../../../src/relay/limits/work-level.ts';
import { workFor } from '../../support/plain/work.ts';

const keys = { ecdhPublicKey: 'ab'.repeat(32), eddsaPublicKey: 'cd'.repeat(32) };

test('work costs a bit more for each doubling of new accounts above 60 a minute, six at most, and falls back', () => {
  let nowMs = 0;
  const level = new WorkLevel({ bits: () => 10, now: () => nowMs });
  const after = (accounts: number) => {
    for (let made = 0; made < accounts; made += 1) level.count();
    return level.bits;
  };
  expect([after(60), after(1), after(59), after(1), after(119)]).toEqual([10, 11, 11, 12, 12]);
  expect(after(100_000)).toBe(16);
  nowMs += 60_000 * 30;
  expect(level.bits).toBe(10);
  expect(after(59)).toBe(10);
});

test('where registration is free it stays free, however many register', () => {
  const level = new WorkLevel({ bits: () => 0, now: () => 0 });
  for (let made = 0; made < 1_000; made += 1) level.count();
  expect(level.bits).toBe(0);
});

test('work is taken until its challenge runs out, and by nodes with the same secret only', async () => {
  let nowMs = 1_000_000;
  const node = (secret: string) =>
    new RegistrationWork({ bits: () => 8, secret: async () => secret, clock: () => nowMs });
  const work = workFor(await node('ours').challenge(keys));
  // One block of SHA-256, so that work costs what it says.
  expect(work.length).toBeLessThan(56);
  expect(await node('ours').accepts(work, keys)).toBe(true);
  expect(await node('theirs').accepts(work, keys)).toBe(false);
  nowMs += 600_000;
  expect(await node('ours').accepts(work, keys)).toBe(true);
  nowMs += 1_000;
  expect(await node('ours').accepts(work, keys)).toBe(false);
});
