import { beforeEach, describe, expect, test } from 'vitest';
import type { Content, Receipt } from '../../../../src/client/sending/content.ts';
import { IN_REQUEST, SentMessages } from '../../../../src/client/sending/sent-messages.ts';
import { Batch, Records } from '../../../../src/client/storage/records.ts';
import { memoryStorage, type Storage } from '../../../../src/client/storage/storage.ts';

let storage: Storage;
let records: Records;
let sent: SentMessages;
let batch: Batch;

beforeEach(async () => {
  storage = memoryStorage();
  records = await Records.open(storage);
  sent = new SentMessages('E011T7D', records);
  batch = new Batch();
});

/** Messages `a`, `b` … that went out in envelopes `a-1`, `b-1` …, in this order. */
function sendAll(...ids: string[]): void {
  for (const id of ids) {
    const number = sent.add(id, { type: 'message', body: id, at: '' }, batch);
    sent.sealed(number, { envelope: `${id}-1`, order: number, atMs: 1_000 }, batch);
  }
}

/** As after a restart. */
async function again(): Promise<SentMessages> {
  await records.commit(batch);
  batch = new Batch();
  return new SentMessages('E011T7D', await Records.open(storage));
}

const stream = () =>
  (sent.contentOf(sent.unarrived()[0] ?? -1) as { place: { stream: string } }).place.stream;

describe('receipts of clients that number messages', () => {
  const receipt = (type: Receipt['type'], number: number, except: number[] = []): Receipt => ({
    type,
    up_to: '',
    stream: stream(),
    number,
    except,
  });

  test('cover everything up to a number but what is missing, each message once', async () => {
    sendAll('a', 'b', 'c', 'd');
    const covers = receipt('delivered', 2, [1]);
    expect(sent.confirmed(covers, 2, batch)).toEqual({ delivered: ['a', 'c'], read: [] });
    expect(sent.confirmed(receipt('read', 2, [1]), 2, batch)).toEqual({ delivered: [], read: ['a', 'c'] });
    const later = await again();
    expect(later.confirmed({ ...receipt('read', 3), stream: covers.stream ?? '' }, 2, batch)).toEqual({
      delivered: ['b', 'd'],
      read: ['b', 'd'],
    });
  });

  test('of another count say nothing', () => {
    sendAll('a');
    const other = { ...receipt('read', 0), stream: 'f'.repeat(32) };
    expect(sent.confirmed(other, 2, batch)).toEqual({ delivered: [], read: [] });
  });

  test('without a number mean only what has arrived', () => {
    sendAll('a', 'b', 'c');
    sent.arrived({ ...arrived(), next: 1, missing: [] }, 9, batch);
    expect(sent.confirmed({ type: 'read', up_to: 'c' }, 2, batch).read).toEqual(['a', 'c']);
  });
});

describe('receipts of older clients', () => {
  test('are cumulative, and name the last envelope of a message', () => {
    sendAll('a', 'b', 'c');
    sent.sealed(1, { envelope: 'b-2', order: 7, atMs: 2_000 }, batch);
    expect(sent.confirmed({ type: 'delivered', up_to: 'b-2' }, 1, batch).delivered).toEqual(['a', 'b']);
    expect(sent.confirmed({ type: 'read', up_to: 'c-1' }, 1, batch).read).toEqual(['a', 'b', 'c']);
    expect(sent.confirmed({ type: 'read', up_to: 'x' }, 1, batch)).toEqual({ delivered: [], read: [] });
  });
});

const arrived = () => ({ type: 'arrived', stream: stream(), exchange: '', counter: 0 }) as const;

describe('what is sent again', () => {
  test('is what is missing and went out before the receipt was written', () => {
    sendAll('a', 'b', 'c');
    sent.sealed(0, { envelope: 'a-2', order: 5, atMs: 2_000 }, batch);
    const told = sent.arrived({ ...arrived(), next: 3, missing: [0, 1] }, 4, batch);
    expect(told).toEqual({ again: [1], gone: [] });
    expect(sent.unarrived()).toEqual([0, 1]);
    // A message inside a request is older than every receipt.
    sent.sealed(0, { envelope: 'a-3', order: IN_REQUEST, atMs: 3_000 }, batch);
    expect(sent.arrived({ ...arrived(), next: 3, missing: [0] }, 4, batch).again).toEqual([0]);
  });

  test('has a content as long as it has not arrived; what is asked for beyond is gone', () => {
    sendAll('a', 'b');
    expect(sent.contentOf(1)).toMatchObject({ id: 'b', body: 'b', place: { number: 1, base: 0 } });
    sent.arrived({ ...arrived(), next: 1, missing: [] }, 9, batch);
    expect(sent.contentOf(1)).toMatchObject({ place: { number: 1, base: 1 } });
    expect(sent.contentOf(0)).toBeNull();
    expect(sent.arrived({ ...arrived(), next: 2, missing: [0] }, 9, batch)).toEqual({ again: [], gone: [0] });
  });

  test('is tried five times', () => {
    sendAll('a');
    for (let tries = 1; tries < 5; tries++) {
      expect(sent.mayTryAgain(0)).toBe(true);
      sent.sealed(0, { envelope: `a-${tries}`, order: tries, atMs: 0 }, batch);
    }
    expect(sent.mayTryAgain(0)).toBe(false);
    expect(sent.failed(0, batch)).toBe('a');
  });

  test('is only what its last envelope carried', () => {
    sendAll('a');
    sent.sealed(0, { envelope: 'a-2', order: 1, atMs: 0 }, batch);
    expect([sent.lastIn('a-1'), sent.lastIn('a-2')]).toEqual([null, 0]);
  });
});

test('the count goes on over restarts, also when everything was read', async () => {
  sendAll('a', 'b');
  const count = stream();
  sent.confirmed({ type: 'read', up_to: '', stream: count, number: 1, except: [] }, 2, batch);
  sent = await again();
  sendAll('c');
  expect(sent.contentOf(2)).toMatchObject({ place: { stream: count, number: 2, base: 2 } });
});

test('of what was sent the last thousand are remembered, of what waits everything', () => {
  for (let n = 0; n < 1_200; n++) sent.add(`waits-${n}`, { type: 'message', body: n, at: '' }, batch);
  for (let n = 0; n < 1_100; n++) sent.sealed(n, { envelope: `e-${n}`, order: n, atMs: 0 }, batch);
  expect([sent.idOf(99), sent.idOf(100), sent.idOf(1_199)]).toEqual([null, 'waits-100', 'waits-1199']);
});

test('the peer is asked what has arrived only after a while, and only about what went out', () => {
  const check = (beforeMs: number): Content | null => sent.check(beforeMs);
  sent.add('waits', { type: 'message', body: 1, at: '' }, batch);
  expect(check(9_999)).toBeNull();
  sent.sealed(0, { envelope: 'e', order: 0, atMs: 5_000 }, batch);
  expect(check(4_999)).toBeNull();
  expect(check(5_000)).toMatchObject({ type: 'check', next: 1, base: 0 });
});

test('messages of an older version of this client are confirmed, and never sent again', async () => {
  const old = new Batch();
  old.set('sent:E011T7D:000000000003', { id: 'old-1', delivered: false });
  old.set('sent:E011T7D:000000000004', { id: 'old-2', delivered: true });
  await records.commit(old);
  sent = new SentMessages('E011T7D', records);
  expect(sent.unarrived()).toEqual([]);
  expect(sent.confirmed({ type: 'read', up_to: 'old-2' }, 1, batch)).toEqual({
    delivered: ['old-1'],
    read: ['old-1', 'old-2'],
  });
  expect(sent.add('new', { type: 'message', body: 1, at: '' }, batch)).toBe(5);
});
