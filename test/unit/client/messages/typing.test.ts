import { expect, test } from 'vitest';
import { Typing } from '../../../../src/client/sending/typing.ts';

function typing({ wanted = true } = {}) {
  const clock = { nowMs: 1_000_000 };
  return { clock, typing: new Typing({ wanted: () => wanted, nowMs: () => clock.nowMs }) };
}

const receipt = { type: 'read', up_to: 'id', typing: true } as const;

test('nothing is sent to a peer who has not shown a sign for a minute, because the relay would keep it', () => {
  const { clock, typing: one } = typing();
  expect(one.next()).toBeNull();
  one.sign(receipt);
  expect(one.next()).toMatchObject({ type: 'typing' });
  let sent = 0;
  for (let second = 1; second <= 300; second++) {
    clock.nowMs += 1_000;
    if (one.next() !== null) sent += 1;
  }
  expect(sent).toBe(10);
});

test('a word that waited, or that a relay repeats, is not shown', () => {
  const { clock, typing: one } = typing();
  const word = { type: 'typing', at: new Date(clock.nowMs).toISOString() } as const;
  expect(one.heard(word)).toBe(true);
  expect(one.heard(word)).toBe(false);
  expect(one.isStale(word)).toBe(false);
  const later = { ...word, at: new Date(clock.nowMs + 1).toISOString() };
  clock.nowMs += 60_000;
  expect(one.isStale(later)).toBe(true);
  expect(one.heard(later)).toBe(false);
});

test('who does not want it neither tells nor learns', () => {
  const { clock, typing: one } = typing({ wanted: false });
  one.sign(receipt);
  expect(one.next()).toBeNull();
  expect(one.heard({ type: 'typing', at: new Date(clock.nowMs).toISOString() })).toBe(false);
});
