import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineUnavailable } from '../../../../src/engine/engine.ts';
import { Window } from '../../../../src/relay/outbound/window.ts';
import { Bench, settle } from './push-bench.ts';

let bench: Bench;

beforeEach(async () => {
  bench = new Bench();
  await bench.registerBob();
});

describe('pushing a mailbox to a socket', () => {
  it('sends what waited, oldest first, and then what is live, without reading again', async () => {
    await bench.store('1', '2', '3');
    await bench.start();
    await settle();
    await bench.store('4');
    await bench.store('5', '6');
    expect(bench.sent).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(bench.reads).toEqual(['login']);
  });

  it('reads nothing for an empty mailbox and is live at once', async () => {
    await bench.start();
    await bench.store('1');
    expect(bench.sent).toEqual(['1']);
    expect(bench.reads).toEqual([]);
  });

  it('never sends a wake-up over a gap: the mailbox fills it first', async () => {
    await bench.start();
    await bench.store('1');
    bench.deaf = true;
    await bench.store('2');
    bench.deaf = false;
    await bench.store('3');
    expect(bench.sent).toEqual(['1', '2', '3']);
    expect(bench.reads).toEqual(['gap']);
  });

  it('does not double what a read and a wake-up both bring', async () => {
    await bench.store('1');
    const push = await bench.start();
    await bench.store('2');
    for (const wakeUp of bench.heard) push.wake(wakeUp);
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
  });

  it('keeps no wake-up while it reads, even one that fits: the read may bring it too', async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const push = await bench.start({
      read: async (request) => {
        await asked;
        return bench.engine.read(request);
      },
    });
    await bench.store('1');
    push.poll('look');
    await bench.store('2');
    expect(bench.sent).toEqual(['1']);
    answer();
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
  });

  it('finds by a poll what no wake-up announced', async () => {
    const push = await bench.start();
    bench.deaf = true;
    await bench.store('1', '2');
    expect(bench.sent).toEqual([]);
    push.poll('look');
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
    bench.deaf = false;
    await bench.store('3');
    expect(bench.sent).toEqual(['1', '2', '3']);
    expect(bench.reads).toEqual(['look']);
  });

  it('stops at a full window and goes on when it has room', async () => {
    bench.window = new Window({ envelopesMax: 2, bytesMax: 1 << 20 });
    const push = await bench.start();
    await bench.store('1');
    await bench.store('2');
    await bench.store('3');
    await bench.store('4');
    expect(bench.sent).toEqual(['1', '2']);
    expect(bench.windowFull).toBeGreaterThan(0);
    bench.window.confirm(bench.pinged[1] ?? '');
    push.resume(false);
    await settle();
    expect(bench.sent).toEqual(['1', '2', '3', '4']);
  });

  it('stops at a window full of bytes', async () => {
    bench.window = new Window({ envelopesMax: 256, bytesMax: 10 });
    await bench.start();
    await bench.store('12345678');
    await bench.store('abcdefgh');
    await bench.store('late');
    expect(bench.sent).toEqual(['12345678', 'abcdefgh']);
  });

  it('waits for the drain of a slow socket, having counted what was buffered as sent', async () => {
    const push = await bench.start();
    bench.nextSends = ['sent', 'buffered'];
    await bench.store('1', '2', '3', '4');
    expect(bench.sent).toEqual(['1', '2']);
    push.resume(true);
    await settle();
    expect(bench.sent).toEqual(['1', '2', '3', '4']);
  });

  it('never stages more than the window has left, however much comes in one tick', async () => {
    bench.window = new Window({ envelopesMax: 256, bytesMax: 10 });
    await bench.start();
    await bench.store('12345678', 'abcdefgh', 'late', 'later');
    expect(bench.sent).toEqual(['12345678', 'abcdefgh']);
  });

  it('asks for a receipt after each tick, even if a slow socket ends it', async () => {
    await bench.start();
    bench.nextSends = ['sent', 'buffered'];
    await bench.store('1', '2', '3', '4');
    expect(bench.asked).toEqual([2]);
  });

  it('makes up for a poll that came while the window was full', async () => {
    bench.window = new Window({ envelopesMax: 1, bytesMax: 1 << 20 });
    const push = await bench.start();
    await bench.store('1');
    bench.deaf = true;
    await bench.store('2');
    push.poll('reclaim');
    await settle();
    expect(bench.sent).toEqual(['1']);
    bench.window.confirm(bench.pinged[0] ?? '');
    push.resume(false);
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
    expect(bench.reads).toEqual(['reclaim']);
  });

  it('sends nothing after a drop, whatever comes', async () => {
    const push = await bench.start();
    bench.nextSends = ['sent', 'dropped'];
    await bench.store('1', '2', '3');
    await bench.store('4');
    push.resume(true);
    push.poll('look');
    await settle();
    expect(bench.sent).toEqual(['1']);
    expect(push.cursor).toBe(bench.pinged[0]);
  });

  it('sends `drained` once what waited at login was sent, even if nothing waited', async () => {
    await bench.start();
    expect(bench.drained).toBe(1);
    const full = new Bench();
    await full.registerBob();
    await full.store('1', '2');
    full.window = new Window({ envelopesMax: 1, bytesMax: 1 << 20 });
    const push = await full.start();
    await settle();
    expect(full.drained).toBe(0);
    full.window.confirm(full.pinged[0] ?? '');
    push.resume(false);
    await full.store('3');
    expect(full.sent).toEqual(['1', '2']);
    expect(full.drained).toBe(1);
  });

  it('stops when the store says that a newer session holds the user', async () => {
    const push = await bench.start();
    await bench.engine.claim({ code: bench.code, token: 'another', protocol: 2 });
    push.poll('look');
    await settle();
    expect(bench.lost).toEqual(['displaced']);
  });

  it('keeps asking while the store is away, and loses nothing', async () => {
    await bench.store('1', '2');
    let failures = 2;
    await bench.start({
      read: (request) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Error('away')) : bench.engine.read(request);
      },
    });
    await expect.poll(() => bench.sent, { timeout: 5_000 }).toEqual(['1', '2']);
  });
});

describe('a wake-up that announces nothing', () => {
  const stray = (us: string) => ({ id: `${us}-1`, prev: '5-5', frame: Buffer.from('x') });

  it('costs one read, however many come, until a second has passed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await bench.store('waited');
    await bench.start();
    await settle();
    const before = bench.reads.length;
    for (let n = 0; n < 50; n += 1) {
      bench.push?.wake(stray('9999999999999999'));
      await settle();
    }
    expect(bench.reads.length - before).toBe(1);
    expect(bench.metrics.readsPutOff.value).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(1_000);
    await settle();
    expect(bench.reads.length - before).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    await settle();
    expect(bench.reads.length - before).toBe(2);
    vi.useRealTimers();
  });

  it('does not delay envelopes that continue where the socket stands', async () => {
    await bench.start();
    bench.push?.wake(stray('9999999999999999'));
    await settle();
    await bench.store('1');
    await bench.store('2');
    expect(bench.sent).toEqual(['1', '2']);
  });

  it('is forgotten also when the page brought envelopes', async () => {
    const push = await bench.start();
    bench.deaf = true;
    await bench.store('1');
    push.wake(stray('9999999999999999'));
    await settle();
    expect(bench.sent).toEqual(['1']);
    expect(bench.reads).toEqual(['gap']);
  });
});

describe('a store that was away', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('is read at most 2 s after it is back, however long it was away', async () => {
    await bench.store('waits');
    const { engine } = bench;
    let away = true;
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.99);
    await bench.start({
      read: async (request) => {
        if (away) throw new EngineUnavailable('away');
        return engine.read(request);
      },
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bench.sent).toEqual([]);
    away = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bench.sent).toEqual(['waits']);
  });
});
