import { describe, expect, it } from 'vitest';
import type { DeliverOutcome, DeliverRequest } from '../../../src/engine/engine.ts';
import { DeliverQueue } from '../../../src/relay/inbound/deliver-queue.ts';

/** Holds every deliver call until the test answers it. */
class Store {
  readonly calls: { request: DeliverRequest; answer: (all: DeliverOutcome) => void; fail: () => void }[] = [];

  deliver(request: DeliverRequest): Promise<readonly DeliverOutcome[]> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        request,
        answer: (outcome) => resolve(request.envelopes.map(() => outcome)),
        fail: () => reject(new Error('away')),
      });
    });
  }

  texts(call: number): string[] {
    return this.calls[call]?.request.envelopes.map((envelope) => envelope.frame.toString()) ?? [];
  }
}

function setup(options: { bytesMax?: number; nodeBytesMax?: number; held?: () => Promise<boolean> } = {}) {
  const store = new Store();
  const clock = { ms: 0 };
  const nodeBudget = { bytes: 0, bytesMax: options.nodeBytesMax ?? 1 << 26 };
  const hold = {
    heldAtMs: 0,
    asked: 0,
    verify: async () => {
      hold.asked += 1;
      const held = (await options.held?.()) ?? true;
      if (held) hold.heldAtMs = clock.ms;
      return held;
    },
  };
  const frames = { waits: false };
  const ends: (() => boolean)[] = [];
  const queue = new DeliverQueue({
    engine: store,
    sender: 'ALICE',
    epoch: 7,
    hold,
    bytesMax: options.bytesMax ?? 1 << 20,
    nodeBudget,
    now: () => clock.ms,
    cork: (answers) => answers(),
    scheduler: { atEnd: (task) => ends.push(task) },
    frames,
  });
  /** Ends a tick of the event loop, for those that wait for it. */
  const endTick = () => ends.push(...ends.splice(0).filter((task) => !task()));
  const outcomes: string[] = [];
  const put = (recipient: string, text: string) =>
    queue.put(recipient, {
      envelope: { frame: Buffer.from(text), dedupe: null },
      done: (outcome) => outcomes.push(`${text}:${outcome}`),
    });
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  const answer = (call: number, outcome: DeliverOutcome) => {
    store.calls[call]?.answer(outcome);
    return tick();
  };
  return { store, hold, clock, nodeBudget, queue, outcomes, frames, ends, endTick, put, tick, answer };
}

describe('the deliver queue of one sender', () => {
  it('keeps one batch in flight to a recipient; what arrives meanwhile forms the next', async () => {
    const { store, put, outcomes, answer } = setup();
    for (const text of ['1', '2', '3']) put('BOB', text);
    expect(store.calls.length).toBe(1);
    expect(store.texts(0)).toEqual(['1']);
    await answer(0, 'stored');
    expect(store.texts(1)).toEqual(['2', '3']);
    expect(outcomes).toEqual(['1:stored']);
  });

  it('gathers the envelopes of a tick once several have left together', async () => {
    const { store, put, answer, endTick, ends } = setup();
    for (const text of ['1', '2', '3']) put('BOB', text);
    await answer(0, 'stored');
    await answer(1, 'stored');
    for (const text of ['4', '5', '6']) put('BOB', text);
    put('CAROL', 'a');
    expect(store.calls.length).toBe(2);
    endTick();
    expect(store.calls.slice(2).map((_, i) => store.texts(2 + i))).toEqual([['4', '5', '6'], ['a']]);
    expect(ends).toEqual([]);
  });

  it('sends at once again after a batch of one', async () => {
    const { store, put, answer, endTick } = setup();
    for (const text of ['1', '2', '3']) put('BOB', text);
    await answer(0, 'stored');
    await answer(1, 'stored');
    put('BOB', '4');
    expect(store.calls.length).toBe(2);
    endTick();
    await answer(2, 'stored');
    put('BOB', '5');
    expect(store.texts(3)).toEqual(['5']);
  });

  it('gathers while frames of the client wait to be verified, up to sixteen envelopes', () => {
    const { store, frames, put, endTick } = setup();
    frames.waits = true;
    const texts = Array.from({ length: 16 }, (_, i) => `${i}`);
    for (const text of texts) {
      put('BOB', text);
      expect(store.calls).toEqual([]);
      if (text !== '15') endTick();
    }
    endTick();
    expect(store.texts(0)).toEqual(texts);
  });

  it('is idle only once what it gathers has been sent and answered', async () => {
    const { queue, frames, put, answer, endTick, tick } = setup();
    frames.waits = true;
    put('BOB', '1');
    let idle = false;
    void queue.idle().then(() => {
      idle = true;
    });
    frames.waits = false;
    endTick();
    await tick();
    expect(idle).toBe(false);
    await answer(0, 'stored');
    expect(idle).toBe(true);
  });

  it('refuses what it has gathered if the node then stands still for over a minute', () => {
    const { clock, frames, put, outcomes, endTick, store } = setup();
    frames.waits = true;
    put('BOB', '1');
    clock.ms = 61_000;
    frames.waits = false;
    endTick();
    expect([outcomes, store.calls]).toEqual([['1:unavailable'], []]);
  });

  it('does not let one recipient wait for another', () => {
    const { store, put } = setup();
    put('BOB', '1');
    put('CAROL', '2');
    expect(store.calls.map((call) => call.request.recipient)).toEqual(['BOB', 'CAROL']);
  });

  it('numbers the batches of a recipient upwards, also after a pause', async () => {
    const { store, put, answer } = setup();
    for (const recipient of ['BOB', 'CAROL', 'BOB']) {
      put(recipient, 'x');
      await answer(store.calls.length - 1, 'stored');
    }
    const numbers = store.calls.filter((c) => c.request.recipient === 'BOB').map((c) => c.request.number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('fails what is queued behind a failed batch, and only for that recipient', async () => {
    const { store, put, outcomes, answer } = setup();
    for (const text of ['1', '2']) put('BOB', text);
    put('CAROL', 'c');
    store.calls[0]?.fail();
    await answer(1, 'stored');
    expect(outcomes.sort()).toEqual(['1:unavailable', '2:unavailable', 'c:stored']);
    expect(store.calls.length).toBe(2);
    put('BOB', '3');
    expect(store.texts(2)).toEqual(['3']);
  });

  it('refuses what has been queued for more than a minute', async () => {
    const { store, put, clock, outcomes, answer } = setup();
    for (const text of ['1', '2']) put('BOB', text);
    clock.ms = 61_000;
    await answer(0, 'stored');
    expect(outcomes).toEqual(['1:stored', '2:unavailable']);
    expect(store.calls.length).toBe(1);
  });

  it('takes at most 64 envelopes and 256 KiB in one batch', async () => {
    const { store, put, answer, endTick } = setup({ bytesMax: 1 << 24 });
    for (let n = 0; n < 101; n += 1) put('BOB', `${n}`);
    await answer(0, 'stored');
    expect(store.texts(1).length).toBe(64);
    for (let n = 0; n < 10; n += 1) put('CAROL', 'x'.repeat(60_000));
    endTick();
    expect(store.texts(2).length).toBe(4);
  });

  it('takes no more bytes than its share or the node has left, and gives them back', async () => {
    const { put, nodeBudget, answer } = setup({ bytesMax: 2_000, nodeBytesMax: 10_000 });
    expect(put('BOB', 'x'.repeat(1_000))).toBe(true);
    expect(put('BOB', 'x'.repeat(1_000))).toBe(false);
    await answer(0, 'stored');
    expect(nodeBudget.bytes).toBe(0);
    nodeBudget.bytes = 9_500;
    expect(put('BOB', 'x'.repeat(1_000))).toBe(false);
  });

  it('tells when it is idle', async () => {
    const { put, tick, queue, answer } = setup();
    let idle = false;
    put('BOB', '1');
    void queue.idle().then(() => {
      idle = true;
    });
    await tick();
    expect(idle).toBe(false);
    await answer(0, 'stored');
    expect(idle).toBe(true);
    await queue.idle();
  });

  it('asks the store whether the session holds before it delivers more than 60 s after the last answer', async () => {
    const { store, hold, clock, put, tick, outcomes, answer } = setup();
    clock.ms = 60_000;
    put('BOB', '1');
    expect([store.calls.length, hold.asked]).toEqual([1, 0]);
    store.calls[0]?.answer('stored');
    clock.ms = 61_000;
    await tick();
    put('BOB', '2');
    put('CAROL', '3');
    expect(store.calls.length).toBe(1);
    await tick();
    expect(hold.asked).toBeGreaterThan(0);
    expect([store.texts(1), store.texts(2)]).toEqual([['2'], ['3']]);
    expect(store.calls[1]?.request.heldAtMs).toBe(61_000);
    await answer(1, 'stored');
    expect(outcomes).toEqual(['1:stored', '2:stored']);
  });

  it('delivers nothing of a session that a newer one has displaced meanwhile', async () => {
    const { store, clock, put, tick, outcomes } = setup({ held: async () => false });
    clock.ms = 125_000;
    for (const text of ['1', '2']) put('BOB', text);
    await tick();
    expect(store.calls.length).toBe(0);
    expect(outcomes).toEqual(['1:stale', '2:stale']);
  });

  it('refuses what it cannot ask about while the store is away', async () => {
    const { store, clock, put, tick, outcomes } = setup({ held: () => Promise.reject(new Error('away')) });
    clock.ms = 125_000;
    put('BOB', '1');
    await tick();
    expect(store.calls.length).toBe(0);
    expect(outcomes).toEqual(['1:unavailable']);
  });

  it('delivers a batch that was late by the clock of the store again, if the session holds even now, once', async () => {
    const { store, hold, put, outcomes, answer } = setup();
    put('BOB', '1');
    put('BOB', '2');
    await answer(0, 'late');
    expect(hold.asked).toBe(1);
    expect(store.texts(1)).toEqual(['1', '2']);
    expect(store.calls[1]?.request.number).toBeGreaterThan(store.calls[0]?.request.number ?? 0);
    await answer(1, 'late');
    expect(store.calls.length).toBe(2);
    expect(outcomes).toEqual(['1:unavailable', '2:unavailable']);
  });

  it('refuses a batch that was late if a newer session holds', async () => {
    const { store, put, outcomes, answer } = setup({ held: async () => false });
    put('BOB', '1');
    put('BOB', '2');
    await answer(0, 'late');
    expect(store.calls.length).toBe(1);
    expect(outcomes).toEqual(['1:stale', '2:stale']);
  });
});
