import { describe, expect, test } from 'vitest';
import { Batch, Records } from '../../../src/client/storage/records.ts';
import type { Changes } from '../../../src/client/storage/storage.ts';

/** On a storage that writes when the test says so, or fails. */
async function slowRecords() {
  const writes: { changes: Changes; end: (error?: Error) => void }[] = [];
  const storage = {
    load: async () => new Map<string, string>(),
    write: (changes: Changes) =>
      new Promise<void>((resolve, reject) => {
        writes.push({ changes, end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
    close: async () => {},
  };
  return { records: await Records.open(storage), writes };
}

function batchOf(members: Record<string, unknown>): Batch {
  const batch = new Batch();
  for (const [key, value] of Object.entries(members)) {
    if (value === null) batch.remove(key);
    else batch.set(key, value);
  }
  return batch;
}

/** Long enough for every callback of a promise that has settled. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

describe('what is committed while a write is under way', () => {
  test('goes into the next write together, in order, and resolves in order', async () => {
    const { records, writes } = await slowRecords();
    const done: number[] = [];
    const commit = (number: number, members: Record<string, unknown>) => {
      void records.commit(batchOf(members)).then(() => done.push(number));
    };
    commit(1, { a: 1 });
    commit(2, { a: 2, b: 2 });
    commit(3, { b: null, c: 3 });
    expect(records.get('a')).toBe(2);
    expect(writes.map(({ changes }) => [...changes])).toEqual([[['a', '1']]]);
    writes[0]?.end();
    await settle();
    expect(done).toEqual([1]);
    const second = new Map([
      ['a', '2'],
      ['b', null],
      ['c', '3'],
    ]);
    expect(writes[1]?.changes).toEqual(second);
    writes[1]?.end();
    await settle();
    expect(done).toEqual([1, 2, 3]);
    expect(writes).toHaveLength(2);
  });

  test('never overtakes what was committed before it, also from within the callback of a write', async () => {
    const { records, writes } = await slowRecords();
    void records.commit(batchOf({ n: 1 })).then(() => records.commit(batchOf({ n: 3 })));
    await settle();
    void records.commit(batchOf({ n: 2 }));
    for (let index = 0; index < 3; index++) {
      writes[index]?.end();
      await settle();
    }
    expect(writes.flatMap(({ changes }) => [...changes.values()]).at(-1)).toBe('3');
  });

  test('fails with the write that it is part of, and with no other', async () => {
    const { records, writes } = await slowRecords();
    const outcomes = [1, 2, 3].map((n) =>
      records.commit(batchOf({ n })).then(
        () => 'stored',
        (error: Error) => error.message,
      ),
    );
    writes[0]?.end(new Error('the first failed'));
    await settle();
    writes[1]?.end();
    expect(await Promise.all(outcomes)).toEqual(['the first failed', 'stored', 'stored']);
  });

  test('is written before the storage is let go', async () => {
    const { records, writes } = await slowRecords();
    void records.commit(batchOf({ a: 1 }));
    void records.commit(batchOf({ b: 1 }));
    let closed = false;
    void records.close().then(() => {
      closed = true;
    });
    writes[0]?.end();
    await settle();
    expect(closed).toBe(false);
    writes[1]?.end();
    await settle();
    expect(closed).toBe(true);
  });
});
