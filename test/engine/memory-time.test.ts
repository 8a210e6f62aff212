import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Engine, EngineUnavailable } from '../../src/engine/engine.ts';
import { isAfter } from '../../src/engine/mailbox-id.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { LIMITS } from './backends.ts';
import { created, envelope, ids, login, register, registration, Sender, texts } from './fixture.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The beginning of a dedupe period, so that the tests know its end. */
const START_MS = 600_000 * 3_000_000;

/** Periods of the memory engine; for Redis they are the TTLs of its keys. */
describe('time, in the memory engine', () => {
  let nowMs: number;
  let node: Engine;
  let bob: string;
  let alice: Sender;
  beforeEach(async () => {
    nowMs = START_MS;
    node = createMemoryEngine({ limits: LIMITS, now: () => nowMs, maxBytes: 1_000 });
    await node.start();
    bob = (await register(node, true)).code;
    alice = new Sender(node, 'ALICE00');
  });
  afterEach(() => node.close());

  it('deletes accounts after the idle time that is set, and no connected one', async () => {
    let ttlMs = 0;
    // The sweep runs by the process' clock.
    vi.useFakeTimers();
    const swept = createMemoryEngine({ limits: LIMITS, now: () => nowMs, accountIdleTtlMs: () => ttlMs });
    await swept.start();
    const [idle, connected] = [await register(swept, true), await register(swept, true)];
    const { session } = await login(swept, connected.code);
    nowMs += 180 * DAY_MS;
    vi.advanceTimersByTime(MINUTE_MS);
    expect(await swept.findUser(idle.code)).toMatchObject({ code: idle.code });
    ttlMs = 180 * DAY_MS;
    vi.advanceTimersByTime(MINUTE_MS);
    expect(await swept.findUser(idle.code)).toBe('gone');
    expect(await swept.findUser(connected.code)).toMatchObject({ code: connected.code });
    // The time begins at the end of the session.
    await swept.release(session);
    nowMs += 180 * DAY_MS - 1;
    vi.advanceTimersByTime(MINUTE_MS);
    expect(await swept.findUser(connected.code)).toMatchObject({ code: connected.code });
    nowMs += 1;
    vi.advanceTimersByTime(MINUTE_MS);
    expect(await swept.findUser(connected.code)).toBe('gone');
    await swept.close();
    vi.useRealTimers();
  });

  it('drops an unclaimed account after 30 days, not before; its keys may register again', async () => {
    const request = registration();
    const { code } = await created(node, request);
    await alice.send(code, envelope('a'));
    nowMs += 30 * DAY_MS - 1;
    expect(await node.findUser(code)).not.toBeNull();
    nowMs += 1;
    expect(await node.findUser(code)).toBeNull();
    expect(await node.claim({ code, token: '0'.repeat(32), protocol: 1 })).toEqual({
      outcome: 'unknown_user',
    });
    expect(await alice.send(code, envelope('b'))).toEqual(['recipient_unknown']);
    expect(await node.register(request)).toMatchObject({ outcome: 'created', user: { id: 3 } });
    expect(await node.findUser(bob)).not.toBeNull();
  });

  it('goes on when the clock of the machine is set: nothing expires, no id goes back', async () => {
    const own = createMemoryEngine({ limits: LIMITS });
    await own.start();
    const realMs = Date.now();
    try {
      const { code } = await register(own, true);
      const { code: unclaimed } = await register(own, false);
      const sender = new Sender(own, 'ALICE00');
      for (const text of ['a', 'b', 'c']) await sender.send(code, envelope(text, text));
      for (const days of [31, -31]) {
        vi.spyOn(Date, 'now').mockReturnValue(realMs + days * DAY_MS);
        expect(await own.findUser(unclaimed)).not.toBeNull();
        expect(await sender.send(code, envelope('a', 'a'))).toEqual(['repeated']);
        expect(await sender.send(code, envelope(`${days}`))).toEqual(['stored']);
      }
      const { session } = await login(own, code);
      expect(await texts(own, session)).toEqual(['a', 'b', 'c', '31', '-31']);
    } finally {
      vi.restoreAllMocks();
      await own.close();
    }
  });

  it('remembers an id for 10 minutes at least and 20 at most', async () => {
    for (const [afterMs, sinceMs, outcome] of [
      [0, 10 * MINUTE_MS, 'repeated'],
      [0, 20 * MINUTE_MS - 1, 'repeated'],
      [0, 20 * MINUTE_MS, 'stored'],
      [10 * MINUTE_MS - 1, 10 * MINUTE_MS, 'repeated'],
      [10 * MINUTE_MS - 1, 10 * MINUTE_MS + 1, 'stored'],
    ] as const) {
      const { code } = await register(node, true);
      nowMs = Math.ceil(nowMs / (20 * MINUTE_MS)) * 20 * MINUTE_MS + afterMs;
      await alice.send(code, envelope('a', 'x'));
      nowMs += sinceMs;
      expect([afterMs, sinceMs, (await alice.send(code, envelope('a', 'x')))[0]]).toEqual([
        afterMs,
        sinceMs,
        outcome,
      ]);
    }
  });

  it('fences for 2 minutes', async () => {
    await alice.sendAs(5, bob, envelope('a'));
    nowMs += 2 * MINUTE_MS - 1;
    expect(await alice.sendAs(4, bob, envelope('b'))).toEqual(['stale']);
    nowMs += 1;
    expect(await alice.sendAs(4, bob, envelope('b'))).toEqual(['stored']);
  });

  it('that goes back takes neither ids nor epochs back', async () => {
    const first = await login(node, bob);
    await alice.send(bob, envelope('a'));
    nowMs -= 60 * MINUTE_MS;
    await alice.send(bob, envelope('b'));
    const second = await login(node, bob);
    const [one = '', two = ''] = await ids(node, second.session);
    expect(isAfter(two, one)).toBe(true);
    expect(second.session.epoch).toBe(first.session.epoch + 1);
  });

  it('drops envelopes at exactly their age', async () => {
    await alice.send(bob, envelope('a'));
    nowMs += 1;
    await alice.send(bob, envelope('b'));
    const { session } = await login(node, bob);
    nowMs += LIMITS.mailboxTtlMs - 1;
    expect(await texts(node, session)).toEqual(['a', 'b']);
    nowMs += 1;
    expect(await texts(node, session)).toEqual(['b']);
  });

  it('passes, memory stays bounded: beyond its bytes deliver is unavailable, and a confirm makes room', async () => {
    const big = envelope('x'.repeat(480));
    const { code } = await register(node, true);
    expect(await alice.send(bob, big)).toEqual(['stored']);
    expect(await alice.send(code, big)).toEqual(['stored']);
    await expect(alice.send(code, big)).rejects.toThrow(EngineUnavailable);
    const { session, last } = await login(node, bob);
    await node.confirm(session, last);
    expect(await alice.send(code, big)).toEqual(['stored']);
  });
});
