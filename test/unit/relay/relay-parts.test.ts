import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionKey, SessionState } from '../../../src/engine/engine.ts';
import { isAfter } from '../../../src/engine/mailbox-id.ts';
import { createLog } from '../../../src/ops/log/log.ts';
import { createMetrics } from '../../../src/ops/metrics/metrics.ts';
import { Batcher } from '../../../src/relay/context/batcher.ts';
import { Occupancy } from '../../../src/relay/gateway/occupancy.ts';
import { RateLimiter } from '../../../src/relay/limits/rate-limiter.ts';
import { Semaphore } from '../../../src/relay/limits/semaphore.ts';
import { Receipts } from '../../../src/relay/outbound/receipts.ts';
import { Window } from '../../../src/relay/outbound/window.ts';

const LIMITS = { mailboxEnvelopes: 1_000, mailboxBytes: 4 << 20, mailboxSharePercent: 25 };

describe('receipts', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Receipts of one session by protocol 2, and what the store was asked to let go. */
  function receiptsOf(
    answer: (upTo: string) => Promise<SessionState>,
    batcher = new Batcher(() => performance.now()),
    limits: Partial<typeof LIMITS> = {},
  ) {
    const asked: string[] = [];
    const lost: SessionState[] = [];
    const window = new Window({ envelopesMax: 256, bytesMax: 1 << 20 });
    const engine = {
      confirm: (_session: SessionKey, upTo: string) => {
        asked.push(upTo);
        return answer(upTo);
      },
      deadLetter: (_session: SessionKey, id: string) => {
        asked.push(`dead ${id}`);
        return answer(id);
      },
    };
    const log = createLog({ logLevel: 'error', nodeId: 'n' }, { write: () => undefined });
    const noise: unknown[] = [];
    const receipts = new Receipts({
      context: {
        engine,
        batcher,
        config: { ...LIMITS, ...limits },
        log,
        metrics: createMetrics(),
        now: () => performance.now(),
      },
      session: { code: 'BOB', token: 't', epoch: 1, protocol: 2 },
      window,
      heartbeat: { pong: () => ({ kind: 'alive' }), ask: () => undefined, alive: () => undefined },
      latency: { confirmed: () => undefined },
      push: { resume: () => undefined, skip: () => undefined },
      owner: { onLost: (state) => lost.push(state), onNoise: (foreign) => noise.push(foreign) },
    });
    /** Pushes so many envelopes, the last of which is `id`, and acknowledges them. */
    const advance = (id: string, envelopes: number, bytes = 100) => {
      for (let n = 1; n < envelopes; n += 1) window.add(`${id}-before-${n}`, bytes);
      window.add(id, bytes);
      receipts.receive(id);
    };
    return { receipts, window, advance, asked, lost, noise };
  }
  const held = () => Promise.resolve<SessionState>('held');

  it('leave at once on a quiet node, then every 300 ms, those of one session as one and those of ten milliseconds together', async () => {
    vi.useFakeTimers();
    const batcher = new Batcher(() => performance.now());
    const [bob, carol] = [receiptsOf(held, batcher), receiptsOf(held, batcher)];
    await vi.advanceTimersByTimeAsync(20);
    bob.advance('1-a', 1);
    expect(bob.asked).toEqual(['1-a']);
    await vi.advanceTimersByTimeAsync(3);
    bob.advance('2-b', 1);
    carol.advance('7-a', 1);
    expect(carol.asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(10);
    expect(carol.asked).toEqual(['7-a']);
    bob.advance('3-c', 1);
    carol.advance('8-b', 1);
    await vi.advanceTimersByTimeAsync(280);
    expect([bob.asked.length, carol.asked.length]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(30);
    expect([bob.asked, carol.asked]).toEqual([
      ['1-a', '3-c'],
      ['7-a', '8-b'],
    ]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([bob.asked.length, carol.asked.length]).toEqual([2, 2]);
    carol.advance('9-c', 1);
    expect(carol.asked).toEqual(['7-a', '8-b', '9-c']);
  });

  it.each([
    { of: '64 envelopes', limits: {}, envelopes: 64, bytes: 100 },
    { of: '64 KiB', limits: {}, envelopes: 2, bytes: 32 * 1024 },
    { of: 'a third of what a sender may leave', limits: { mailboxEnvelopes: 48 }, envelopes: 4, bytes: 100 },
    {
      of: 'a third of the bytes that a sender may leave',
      limits: { mailboxBytes: 4096, mailboxSharePercent: 50 },
      envelopes: 2,
      bytes: 350,
    },
    { of: 'a mailbox for one', limits: { mailboxEnvelopes: 1 }, envelopes: 1, bytes: 100 },
  ])('of $of do not wait: what the client has must not keep its mailbox full', async (example) => {
    const { limits, envelopes, bytes } = example;
    const { advance, asked } = receiptsOf(held, new Batcher(() => 0), limits);
    advance('1-a', 1);
    await new Promise((resolve) => setImmediate(resolve));
    if (envelopes > 1) advance('2-b', envelopes - 1, bytes);
    expect(asked).toEqual(['1-a']);
    advance('3-c', 1, bytes);
    expect(asked).toEqual(['1-a', '3-c']);
  });

  it('that come while a confirm is in flight are confirmed after it', async () => {
    vi.useFakeTimers();
    let answered = (_: SessionState): void => undefined;
    const { advance, asked } = receiptsOf(
      () =>
        new Promise((resolve) => {
          answered = resolve;
        }),
    );
    advance('1-a', 64);
    advance('2-b', 1);
    await vi.advanceTimersByTimeAsync(50);
    expect(asked).toEqual(['1-a']);
    answered('held');
    await vi.advanceTimersByTimeAsync(310);
    expect(asked).toEqual(['1-a', '2-b']);
  });

  it('are confirmed at once at the end of the socket, and once', async () => {
    const { receipts, advance, asked } = receiptsOf(held, new Batcher(() => 0));
    advance('1-a', 1);
    advance('2-b', 1);
    await receipts.settle();
    expect(asked).toEqual(['1-a', '2-b']);
    advance('3-c', 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toEqual(['1-a', '2-b']);
  });

  it('are confirmed again until the store has answered, the newest only', async () => {
    let failures = 1;
    const { receipts, advance, asked, lost } = receiptsOf(() => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('away')) : held();
    });
    advance('1-a', 64);
    advance('2-b', 1);
    await expect.poll(() => asked).toEqual(['1-a', '2-b']);
    await receipts.settle();
    expect(lost).toEqual([]);
  });

  it('make a skipped envelope a dead letter, before a later receipt trims it and after an earlier one', async () => {
    const { receipts, window, asked, noise } = receiptsOf(held, new Batcher(() => 0));
    for (const id of ['1-a', '2-b', '3-c', '4-d']) window.add(id, 100);
    receipts.receive('1-a');
    receipts.skip('3-c');
    receipts.receive('4-d');
    receipts.skip('3-c');
    receipts.skip('9-z');
    await receipts.settle();
    expect(asked).toEqual(['1-a', 'dead 3-c', '4-d']);
    expect(noise).toEqual(['ack', 'ack']);
    expect(window.size).toBe(0);
  });

  it('ask again until a skipped envelope is a dead letter', async () => {
    let failures = 1;
    const { receipts, window, asked } = receiptsOf(() => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('away')) : held();
    });
    window.add('1-a', 100);
    receipts.skip('1-a');
    await expect.poll(() => asked).toEqual(['dead 1-a', 'dead 1-a']);
  });

  it('report that the session does not hold any more, and stop', async () => {
    const { receipts, advance, asked, lost } = receiptsOf(() => Promise.resolve('displaced'));
    advance('1-a', 1);
    await receipts.settle();
    expect(lost).toEqual(['displaced']);
    expect(asked).toEqual(['1-a']);
  });
});

describe('the window', () => {
  it('is confirmed cumulatively, and only by ids in it', () => {
    const window = new Window({ envelopesMax: 3, bytesMax: 100 });
    window.add('1-a', 10);
    window.add('2-b', 10);
    window.add('3-c', 10);
    expect(window.full).toBe(true);
    expect(window.confirm('2-x')).toBeNull();
    expect(window.confirm('2-b')).toBe(2);
    expect(window.confirm('2-b')).toBeNull();
    expect([window.size, window.envelopesLeft, window.bytesLeft]).toEqual([1, 2, 90]);
  });
});

describe('ids of a mailbox', () => {
  it('are ordered by their number, whatever its length, and not by their tag', () => {
    expect(isAfter('10-1', '9-2')).toBe(true);
    expect(isAfter('9-2', '10-1')).toBe(false);
    expect(isAfter('9-2', '9-1')).toBe(false);
    expect(isAfter('99999999999999999999-1', '1795451045411800-9')).toBe(true);
  });
});

describe('the rate of a user', () => {
  const limiter = () => {
    const clock = { ms: 0 };
    return { clock, rate: new RateLimiter({ perSecond: 10, burst: 20, now: () => clock.ms }) };
  };

  it('is a bucket that time fills, up to the burst', () => {
    const { clock, rate } = limiter();
    for (let n = 0; n < 20; n += 1) expect(rate.take('A')).toBe(0);
    expect(rate.take('A')).toBe(100);
    expect(rate.take('B')).toBe(0);
    clock.ms = 100;
    expect(rate.take('A')).toBe(0);
    expect(rate.take('A')).toBe(100);
  });

  it('lets one cost above the burst pass when full, and makes the next wait for the debt', () => {
    const { rate } = limiter();
    expect(rate.take('A', 40)).toBe(0);
    expect(rate.take('A')).toBe(2_100);
  });

  it('tells how long until there are so many tokens, and takes none', () => {
    const { clock, rate } = limiter();
    expect(rate.waitMs('a', 20)).toBe(0);
    rate.take('a', 15);
    expect(rate.waitMs('a', 10)).toBe(500);
    expect(rate.waitMs('a', 10)).toBe(500);
    clock.ms += 500;
    expect(rate.waitMs('a', 10)).toBe(0);
    expect(rate.take('a', 10)).toBe(0);
    expect(rate.take('a', 1)).toBe(100);
  });

  it('is remembered by a sweep until it is full again', () => {
    const { clock, rate } = limiter();
    for (let n = 0; n < 20; n += 1) rate.take('A');
    rate.sweep();
    expect(rate.take('A')).toBeGreaterThan(0);
    clock.ms = 10_000;
    rate.sweep();
    expect(rate.take('A')).toBe(0);
  });

  it('of 0 sets no limit', () => {
    const rate = new RateLimiter({ perSecond: 0, burst: 1, now: () => 0 });
    for (let n = 0; n < 100; n += 1) expect(rate.take('A')).toBe(0);
  });
});

describe('sockets by address', () => {
  it('are counted when they open, log in and close', () => {
    const occupancy = new Occupancy();
    occupancy.enter('a');
    occupancy.enter('a');
    occupancy.login('a');
    expect([occupancy.open('a'), occupancy.pending('a')]).toEqual([2, 1]);
    occupancy.leave('a', true);
    occupancy.leave('a', false);
    expect([occupancy.open('a'), occupancy.pending('a')]).toEqual([0, 0]);
  });
});

describe('a semaphore', () => {
  it('lets so many run at once, in order, also after a failure', async () => {
    const semaphore = new Semaphore(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const task = (n: number) =>
      semaphore.run(async () => {
        running += 1;
        most = Math.max(most, running);
        order.push(n);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (n === 2) throw new Error('two');
      });
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(task));
    expect(most).toBe(2);
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(results.filter((result) => result.status === 'rejected').length).toBe(1);
  });
});
