import { beforeEach, describe, expect, it } from 'vitest';
import { SlowStart } from '../../../../src/relay/outbound/slow-start.ts';
import { beginsSlowly, unconfirmedAt } from '../../../../src/relay/outbound/unconfirmed.ts';
import { Window } from '../../../../src/relay/outbound/window.ts';

let nowMs: number;
let window: Window;
let pushed: number;

beforeEach(() => {
  nowMs = 1_000;
  pushed = 0;
  const slowStart = new SlowStart(() => nowMs, 6_000);
  window = new Window({ envelopesMax: 256, bytesMax: 1 << 20, slowStart });
});

/** Fills the window, and confirms all of it after `eachMs` for each. Returns how many that were. */
function round(eachMs: number): number {
  const count = window.envelopesLeft;
  for (let n = 0; n < count; n += 1) {
    pushed += 1;
    window.add(`${pushed}-x`, 100);
  }
  nowMs += count * eachMs;
  window.confirm(`${pushed}-x`);
  return count;
}

describe('a window that begins slowly', () => {
  it('begins with one envelope, and is whole again after a few quick receipts', () => {
    expect([round(20), round(20), round(20), round(20), round(20)]).toEqual([1, 4, 16, 256, 256]);
    expect(window.working).toBe(false);
  });

  it('stays at what a slow client confirms in time', () => {
    expect([round(4_000), round(4_000), round(4_000)]).toEqual([1, 1, 1]);
    expect([round(1_000), round(1_000), round(1_000)]).toEqual([1, 4, 6]);
    expect([round(10_000), round(4_000)]).toEqual([6, 1]);
  });

  it('knows when the client works on something', () => {
    expect(window.working).toBe(false);
    window.add('1-x', 100);
    expect(window.working).toBe(true);
  });
});

describe('what the end of a socket tells the next session', () => {
  const LOST = { closedBy: null, code: 1006 } as const;
  const TOO_BIG = { closedBy: null, code: 1009 } as const;
  const at = (...sizes: number[]) => {
    const sent = new Window({ envelopesMax: 256, bytesMax: 1 << 20 });
    for (const [index, bytes] of sizes.entries()) sent.add(`${index + 1}-x`, bytes);
    return { window: sent, cursor: `${sizes.length}-x`, buffered: false };
  };

  it('is the first envelope without a receipt, and how often that was so', () => {
    const first = unconfirmedAt(LOST, at(100, 200), null);
    expect(first).toEqual({ id: '1-x', tries: 1, tooBig: 0, timeouts: 0 });
    expect(unconfirmedAt(LOST, at(100, 200), first ?? null)).toEqual({
      id: '1-x',
      tries: 2,
      tooBig: 0,
      timeouts: 0,
    });
    expect(unconfirmedAt(LOST, at(100), { id: '0-x', tries: 7, tooBig: 2, timeouts: 4 })).toMatchObject({
      tries: 1,
    });
  });

  it('is the largest, if the client closed because a frame was too big for it', () => {
    const first = unconfirmedAt(TOO_BIG, at(100, 900, 200), null);
    expect(first).toEqual({ id: '2-x', tries: 1, tooBig: 1, timeouts: 0 });
    expect(unconfirmedAt(TOO_BIG, at(100, 900, 200), first ?? null)).toMatchObject({ id: '2-x', tooBig: 2 });
  });

  it('goes on counting what is too big over other ends', () => {
    const before = { id: '2-x', tries: 1, tooBig: 1, timeouts: 0 };
    expect(unconfirmedAt(LOST, at(100, 900), before)).toBeUndefined();
    expect(unconfirmedAt(LOST, at(100), before)).toBeUndefined();
    expect(unconfirmedAt(LOST, { ...at(100), cursor: '5-x' }, before)).toMatchObject({ id: '1-x', tries: 1 });
  });

  it('is no try if the client may not have had it: no pong came, or it waited behind a slow reader', () => {
    const silent = { closedBy: 'goingAway', code: 1001 } as const;
    expect(unconfirmedAt(silent, at(100), null)).toEqual({ id: '1-x', tries: 0, tooBig: 0, timeouts: 1 });
    expect(unconfirmedAt(LOST, { ...at(100), buffered: true }, null)).toMatchObject({ tries: 0 });
  });

  it.each(['restarting', 'replaced', 'flooding', 'malformed'] as const)(
    'is left as it was if the relay closed: %s',
    (closedBy) => {
      expect(unconfirmedAt({ closedBy, code: 1006 }, at(100), null)).toBeUndefined();
    },
  );

  it('has the next session begin slowly after a timeout, and after three tries', () => {
    const noted = (tries: number, timeouts: number) => ({ id: '1-x', tries, tooBig: tries, timeouts });
    expect(beginsSlowly(null)).toBe(false);
    expect([beginsSlowly(noted(2, 0)), beginsSlowly(noted(3, 0)), beginsSlowly(noted(0, 1))]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is forgotten once it is confirmed, and kept until it was reached', () => {
    const before = { id: '1-x', tries: 1, tooBig: 0, timeouts: 0 };
    expect(unconfirmedAt(LOST, { ...at(), cursor: '5-x' }, before)).toBeNull();
    expect(unconfirmedAt(LOST, { ...at(), cursor: null }, before)).toBeUndefined();
    expect(unconfirmedAt(LOST, { ...at(), cursor: '5-x' }, null)).toBeUndefined();
  });
});
