import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Engine,
  EngineUnavailable,
  type MailboxListener,
  type SessionKey,
  type WakeUp,
} from '../../src/engine/engine.ts';
import { isAfter } from '../../src/engine/mailbox-id.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { Push, type PushHost } from '../../src/relay/push.ts';
import { Semaphore } from '../../src/relay/semaphore.ts';
import type { SendResult } from '../../src/relay/socket.ts';
import { Window } from '../../src/relay/window.ts';

const LIMITS = {
  mailboxEnvelopes: 10_000,
  mailboxBytes: 1 << 28,
  mailboxSharePercent: 100,
  mailboxTtlMs: 1e9,
  maxUsers: 100,
};

/** The memory engine is real; only the socket is a list, so that it can say `buffered` and `dropped` at will. */
class Bench implements MailboxListener {
  readonly engine: Engine = createMemoryEngine({ limits: LIMITS });
  readonly sent: string[] = [];
  readonly pinged: string[] = [];
  readonly reads: string[] = [];
  readonly lost: string[] = [];
  drained = 0;
  readonly asides: string[] = [];
  readonly unsendable: string[] = [];
  windowFull = 0;
  nextSends: SendResult[] = [];
  /** Wake-ups that must not come through are dropped here. */
  deaf = false;
  window = new Window(256, 1 << 20);
  heard: WakeUp[] = [];
  code = '';
  session: SessionKey | null = null;
  push: Push | null = null;
  #number = 0;

  async registerBob(): Promise<void> {
    await this.engine.start();
    const keys = { ecdhPublicKey: 'a'.repeat(64), eddsaPublicKey: 'b'.repeat(64) };
    const result = await this.engine.register({ ...keys, name: null, proven: false });
    if (!('user' in result)) throw new Error(result.outcome);
    this.code = result.user.code;
  }

  async login(more: Partial<PushHost> = {}): Promise<Push> {
    await this.engine.subscribe(this.code, this);
    const login = await this.engine.claim({ code: this.code, token: `${Math.random()}`, protocol: 1 });
    if (login.outcome !== 'claimed') throw new Error(login.outcome);
    this.session = login.session;
    this.push = new Push(
      {
        engine: this.engine,
        session: login.session,
        window: this.window,
        reads: new Semaphore(4),
        send: (frame, id) => {
          const result = this.nextSends.shift() ?? 'sent';
          if (result !== 'dropped') this.sent.push(frame.toString());
          this.pinged.push(id);
          return result;
        },
        cork: (sends) => sends(),
        onTurnOver: () => undefined,
        onRead: (cause) => this.reads.push(cause),
        onWindowFull: () => {
          this.windowFull += 1;
        },
        setAside: async (id) => {
          this.asides.push(id);
          return (await this.engine.setAside(login.session, id, 'unreadable')) === 'held';
        },
        onUnsendable: (id) => {
          this.unsendable.push(id);
        },
        onLost: (state) => this.lost.push(state),
        onDrained: () => {
          this.drained += 1;
        },
        ...more,
      },
      login,
    );
    return this.push;
  }

  async store(...texts: string[]): Promise<void> {
    this.#number += 1;
    const envelopes = texts.map((text) => ({ frame: Buffer.from(text), dedupe: null }));
    await this.engine.deliver({
      sender: 'A',
      recipient: this.code,
      epoch: 1,
      number: this.#number,
      envelopes,
    });
    // Wake-ups come after the answer, and a backlog is read in steps.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.heard.push(wakeUp);
    if (!this.deaf) this.push?.wake(wakeUp);
  }

  onClaimed(): void {}
  onLook(): void {}
  onReclaim(): void {}
}

let bench: Bench;

beforeEach(async () => {
  bench = new Bench();
  await bench.registerBob();
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('pushing a mailbox to a socket', () => {
  it('sends what waited, oldest first, and then what is live, without reading again', async () => {
    await bench.store('1', '2', '3');
    (await bench.login()).start();
    await settle();
    await bench.store('4');
    await bench.store('5', '6');
    expect(bench.sent).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(bench.reads).toEqual(['login']);
  });

  it('reads nothing for an empty mailbox and is live at once', async () => {
    (await bench.login()).start();
    await bench.store('1');
    expect(bench.sent).toEqual(['1']);
    expect(bench.reads).toEqual([]);
  });

  it('never sends a wake-up over a gap: the mailbox fills it first', async () => {
    (await bench.login()).start();
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
    const push = await bench.login();
    push.start();
    await bench.store('2');
    for (const wakeUp of bench.heard) push.wake(wakeUp);
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
  });

  it('keeps no wake-up while it reads, though it would fit: the read may bring it too', async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const push = await bench.login({
      engine: {
        read: async (request) => {
          await asked;
          return bench.engine.read(request);
        },
      },
    });
    push.start();
    await bench.store('1');
    push.look('look');
    await bench.store('2');
    expect(bench.sent).toEqual(['1']);
    answer();
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
  });

  it('finds by a look what no wake-up told', async () => {
    const push = await bench.login();
    push.start();
    bench.deaf = true;
    await bench.store('1', '2');
    expect(bench.sent).toEqual([]);
    push.look('look');
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
    bench.deaf = false;
    await bench.store('3');
    expect(bench.sent).toEqual(['1', '2', '3']);
    expect(bench.reads).toEqual(['look']);
  });

  it('stops at a full window and goes on when it has room', async () => {
    bench.window = new Window(2, 1 << 20);
    const push = await bench.login();
    push.start();
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
    bench.window = new Window(256, 10);
    (await bench.login()).start();
    await bench.store('12345678');
    await bench.store('abcdefgh');
    await bench.store('late');
    expect(bench.sent).toEqual(['12345678', 'abcdefgh']);
  });

  it('waits for the drain of a slow socket, having counted what was buffered as sent', async () => {
    const push = await bench.login();
    push.start();
    bench.nextSends = ['sent', 'buffered'];
    await bench.store('1', '2', '3', '4');
    expect(bench.sent).toEqual(['1', '2']);
    push.resume(true);
    await settle();
    expect(bench.sent).toEqual(['1', '2', '3', '4']);
  });

  it('never stages more than the window has left, however much comes in one turn', async () => {
    bench.window = new Window(256, 10);
    (await bench.login()).start();
    await bench.store('12345678', 'abcdefgh', 'late', 'later');
    expect(bench.sent).toEqual(['12345678', 'abcdefgh']);
  });

  it('says when a turn is over also where a slow socket ends it', async () => {
    const turns: number[] = [];
    (await bench.login({ onTurnOver: () => turns.push(bench.sent.length) })).start();
    bench.nextSends = ['sent', 'buffered'];
    await bench.store('1', '2', '3', '4');
    expect(turns).toEqual([2]);
  });

  it('makes good for a look that came while the window was full', async () => {
    bench.window = new Window(1, 1 << 20);
    const push = await bench.login();
    push.start();
    await bench.store('1');
    bench.deaf = true;
    await bench.store('2');
    push.look('reclaim');
    await settle();
    expect(bench.sent).toEqual(['1']);
    bench.window.confirm(bench.pinged[0] ?? '');
    push.resume(false);
    await settle();
    expect(bench.sent).toEqual(['1', '2']);
    expect(bench.reads).toEqual(['reclaim']);
  });

  it('sends nothing after a drop, whatever comes', async () => {
    const push = await bench.login();
    push.start();
    bench.nextSends = ['sent', 'dropped'];
    await bench.store('1', '2', '3');
    await bench.store('4');
    push.resume(true);
    push.look('look');
    await settle();
    expect(bench.sent).toEqual(['1']);
    expect(push.cursor).toBe(bench.pinged[0]);
  });

  it('tells once that what waited at login was sent, also if nothing did', async () => {
    (await bench.login()).start();
    expect(bench.drained).toBe(1);
    const full = new Bench();
    await full.registerBob();
    await full.store('1', '2');
    full.window = new Window(1, 1 << 20);
    const push = await full.login();
    push.start();
    await settle();
    expect(full.drained).toBe(0);
    full.window.confirm(full.pinged[0] ?? '');
    push.resume(false);
    await full.store('3');
    expect(full.sent).toEqual(['1', '2']);
    expect(full.drained).toBe(1);
  });

  it('stops when the store says that a newer session holds the user', async () => {
    const push = await bench.login();
    push.start();
    await bench.engine.claim({ code: bench.code, token: 'another', protocol: 1 });
    push.look('look');
    await settle();
    expect(bench.lost).toEqual(['displaced']);
  });

  it('keeps asking while the store is away, and loses nothing', async () => {
    await bench.store('1', '2');
    let failures = 2;
    const push = await bench.login({
      engine: {
        read: (request) => {
          failures -= 1;
          return failures >= 0 ? Promise.reject(new Error('away')) : bench.engine.read(request);
        },
      },
    });
    push.start();
    await expect.poll(() => bench.sent, { timeout: 5_000 }).toEqual(['1', '2']);
  });

  describe('an entry that cannot be decoded', () => {
    /** Reads from the real engine, which has no such entries, and makes one of each that is named here. */
    const withPoison = (...poison: string[]): Pick<Engine, 'read'> => ({
      read: async (request) => {
        const page = await bench.engine.read(request);
        if (page.state !== 'held') return page;
        const envelopes = page.envelopes.map((entry) =>
          poison.includes(`${entry.frame}`) ? { ...entry, frame: null } : entry,
        );
        return { ...page, envelopes };
      },
    });
    const left = async () => {
      const { code } = bench;
      const login = await bench.engine.claim({ code, token: 'later', protocol: 1 });
      return login.outcome === 'claimed' ? login.waiting : -1;
    };

    it('is set aside, and those before it and behind it are pushed', async () => {
      await bench.store('1', '2', '3');
      const push = await bench.login({ engine: withPoison('2') });
      push.start();
      await bench.store('4');
      expect(bench.sent).toEqual(['1', '3', '4']);
      expect(bench.asides).toHaveLength(1);
      expect(await left()).toBe(3);
    });

    it('leaves the mailbox although nothing else is in it, and what comes then is live', async () => {
      await bench.store('1', '2');
      const push = await bench.login({ engine: withPoison('1', '2') });
      push.start();
      await bench.store('3');
      await bench.store('4');
      expect(bench.sent).toEqual(['3', '4']);
      expect(bench.asides).toHaveLength(2);
      expect(bench.drained).toBe(1);
      expect(bench.reads.length).toBeLessThan(5);
      expect(await left()).toBe(2);
    });

    it('is passed over where the store does not set it aside', async () => {
      await bench.store('1', '2', '3');
      const push = await bench.login({ engine: withPoison('1', '3'), setAside: async () => false });
      push.start();
      await bench.store('4');
      expect(bench.sent).toEqual(['2', '4']);
      expect(bench.drained).toBe(1);
    });
  });

  it('stops at an envelope that cannot be handed to the socket, and says which', async () => {
    await bench.store('1', '2', '3');
    const push = await bench.login({
      send: (frame) => {
        if (`${frame}` === '2') throw new Error('no');
        bench.sent.push(`${frame}`);
        return 'sent';
      },
    });
    push.start();
    await bench.store('4');
    expect(bench.sent).toEqual(['1']);
    expect(bench.unsendable).toHaveLength(1);
    expect(isAfter(bench.unsendable[0] ?? '', push.cursor ?? '')).toBe(true);
  });
});

describe('a store that was away', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('is read from at most 2 s after it is back, however long it was away', async () => {
    await bench.store('waits');
    const { engine } = bench;
    let away = true;
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.99);
    const push = await bench.login({
      engine: {
        read: async (request) => {
          if (away) throw new EngineUnavailable('away');
          return engine.read(request);
        },
      },
    });
    push.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bench.sent).toEqual([]);
    away = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bench.sent).toEqual(['waits']);
  });
});
