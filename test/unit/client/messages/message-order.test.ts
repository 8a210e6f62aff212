import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MessageOrder, type Ordered } from '../../../../src/client/receiving/message-order.ts';
import { Batch, Records } from '../../../../src/client/storage/records.ts';
import { memoryStorage, type Storage } from '../../../../src/client/storage/storage.ts';

let storage: Storage;
let records: Records;
let order: MessageOrder;

beforeEach(async () => {
  storage = memoryStorage();
  records = await Records.open(storage);
  order = new MessageOrder('E011T7D', records);
});

async function staged(
  change: (batch: Batch) => Ordered,
): Promise<{ bodies: unknown[]; late: unknown[]; gap: number }> {
  const batch = new Batch();
  const { ready, gap } = change(batch);
  await records.commit(batch);
  return {
    bodies: ready.filter(({ late }) => !late).map(({ received }) => received.body),
    late: ready.filter(({ late }) => late).map(({ received }) => received.body),
    gap,
  };
}

function take(number: number, base = 0, stream = 's') {
  const received = { id: `${stream}${number}`, body: number, at: '', stream, number };
  return staged((batch) => order.take(received, { stream, number, base }, batch));
}

const told = (base: number, more: { next?: number; gone?: number[] } = {}) =>
  staged((batch) => order.told({ stream: 's', base, ...more }, batch));
const giveUp = () => staged((batch) => order.giveUp(batch));
const nothing = { bodies: [], late: [], gap: 0 };

describe('messages of one sender', () => {
  test('are handed over in order, each once', async () => {
    expect(await take(0)).toEqual({ ...nothing, bodies: [0] });
    expect(await take(2)).toEqual(nothing);
    expect(order.arrived()).toEqual({ next: 3, missing: [1] });
    expect(await take(2)).toEqual(nothing);
    expect(await take(0)).toEqual(nothing);
    expect(await take(1)).toEqual({ ...nothing, bodies: [1, 2] });
    expect(order.arrived()).toEqual({ next: 3, missing: [] });
  });

  test('in whatever order they come, and however often the client is restarted', async () => {
    const numbers = Array.from({ length: 30 }, (_, number) => number);
    const shuffled = fc.shuffledSubarray(numbers, { minLength: numbers.length });
    await fc.assert(
      fc.asyncProperty(shuffled, async (coming) => {
        storage = memoryStorage();
        records = await Records.open(storage);
        const got: unknown[] = [];
        for (const number of [...coming, ...coming]) {
          order = new MessageOrder('E011T7D', await Records.open(storage));
          got.push(...(await take(number)).bodies);
        }
        expect(got).toEqual(numbers);
        expect(order.isWaiting).toBe(false);
      }),
      { numRuns: 50, seed: 4 },
    );
  });

  test('do not wait for what the sender has settled', async () => {
    expect(await take(7, 7)).toEqual({ ...nothing, bodies: [7] });
    expect(await take(10, 10)).toEqual({ bodies: [10], late: [], gap: 2 });
    expect(order.arrived()).toEqual({ next: 11, missing: [] });
  });

  test('that are given up are reported as a gap, and handed over late if they come', async () => {
    await take(0);
    await take(3);
    expect(await giveUp()).toEqual({ bodies: [3], late: [], gap: 2 });
    expect(order.arrived()).toEqual({ next: 4, missing: [1, 2] });
    expect(await take(2)).toEqual({ ...nothing, late: [2] });
    expect(await take(2)).toEqual(nothing);
    expect(order.arrived()).toEqual({ next: 4, missing: [1] });
    await told(0, { gone: [1] });
    expect(order.arrived()).toEqual({ next: 4, missing: [] });
  });

  test('that the sender no longer has are not waited for', async () => {
    await take(0);
    await take(3);
    expect(await told(0, { gone: [1, 2] })).toEqual({ bodies: [3], late: [], gap: 2 });
  });

  test('at the end are missed when the sender tells how many there were', async () => {
    await take(0);
    await told(0, { next: 3 });
    expect(order.arrived()).toEqual({ next: 3, missing: [1, 2] });
    expect(order.isWaiting).toBe(false);
    expect(await take(3)).toEqual(nothing);
    expect(await take(1)).toEqual({ ...nothing, bodies: [1] });
    expect(await take(2)).toEqual({ ...nothing, bodies: [2, 3] });
  });
});

describe('a sender that counts anew', () => {
  test('has lost its state: what waited is handed over, and what comes late of the old count too', async () => {
    await take(0);
    await take(2);
    expect(await take(0, 0, 'new')).toEqual({ bodies: [2, 0], late: [], gap: 1 });
    expect(await take(1)).toEqual({ ...nothing, late: [1] });
    expect(await take(1, 0, 'new')).toEqual({ ...nothing, bodies: [1] });
  });
});

describe('whatever numbers a peer sends, work and memory stay bounded', () => {
  test.each([2 ** 32, Number.MAX_SAFE_INTEGER])('a jump to %d', async (number) => {
    await take(0);
    await take(number);
    expect(order.arrived().missing.length).toBeLessThanOrEqual(256);
    expect((await giveUp()).bodies).toEqual([number]);
    await told(number);
    await told(0, { next: Number.MAX_SAFE_INTEGER, gone: [number + 5] });
    expect(order.arrived().missing.length).toBeLessThanOrEqual(256);
  });

  test('many that wait for one', async () => {
    for (let number = 1; number <= 256; number++) expect(await take(number)).toEqual(nothing);
    expect((await take(257)).bodies).toHaveLength(257);
    expect(order.arrived()).toEqual({ next: 258, missing: [0] });
  });

  test('more holes than a receipt can list: the rest is not called arrived', async () => {
    await take(0);
    await take(1_000);
    const { next, missing } = order.arrived();
    expect(missing).toHaveLength(256);
    expect(next).toBe(257);
  });
});
