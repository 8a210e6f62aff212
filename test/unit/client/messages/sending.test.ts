import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { outcomeOf } from '../../../../src/client/commands/relay-reply.ts';
import { RecipientQueue, type RecipientQueueEntry } from '../../../../src/client/sending/recipient-queue.ts';

describe('the envelopes to one recipient', () => {
  const entry = (number: number, about: Partial<RecipientQueueEntry> = {}): RecipientQueueEntry => ({
    number,
    id: `id-${number}`,
    recipient: 'K7M2Q9X',
    urgent: false,
    frame: null,
    ...about,
  });
  const never = () => {
    throw new Error('called again');
  };
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('has one on the way, and lets none past while that is in doubt', () => {
    const queue = new RecipientQueue();
    queue.add(entry(1));
    queue.add(entry(2));
    queue.launch({ ...entry(1), frame: 'one' }, never);
    expect(queue.candidates()).toEqual([]);
    // The socket is gone: the same bytes first, whatever has become urgent.
    queue.add(entry(3, { urgent: true, frame: 'keys' }));
    queue.restart();
    expect(queue.candidates()).toEqual([{ ...entry(1), frame: 'one' }]);
  });

  test('sends key exchanges before messages, in order', () => {
    const queue = new RecipientQueue();
    for (const each of [entry(1), entry(2, { urgent: true }), entry(3, { urgent: true })]) queue.add(each);
    const order: number[] = [];
    for (let [next] = queue.candidates(); next !== undefined; [next] = queue.candidates()) {
      order.push(next.number);
      queue.launch({ ...next, frame: 'x' }, never);
      queue.settle();
      queue.remove(next.number);
    }
    expect(order).toEqual([2, 3, 1]);
  });

  test('sends what is sent again first, in the order of the messages, and others while a request cannot be made', () => {
    const queue = new RecipientQueue();
    queue.add(entry(1, { message: 7 }));
    queue.add(entry(2, { message: 5, again: true }));
    queue.add(entry(3, { message: 4, again: true }));
    expect(queue.candidates().map(({ number }) => number)).toEqual([3]);
    queue.add(entry(4, { urgent: true }));
    expect(queue.candidates().map(({ number }) => number)).toEqual([4, 3]);
  });

  test('asks again when no answer comes, and waits as long as the relay asks', () => {
    const queue = new RecipientQueue();
    queue.add(entry(1, { frame: 'one' }));
    let again = 0;
    const count = () => {
      again += 1;
    };
    queue.launch(entry(1, { frame: 'one' }), count);
    vi.advanceTimersByTime(15_000);
    expect(again).toBe(1);
    expect(queue.candidates()[0]?.number).toBe(1);
    queue.launch(entry(1, { frame: 'one' }), never);
    queue.retry(4_000, count);
    expect(queue.candidates()).toEqual([]);
    vi.advanceTimersByTime(3_999);
    expect(again).toBe(1);
    vi.advanceTimersByTime(501);
    expect(again).toBe(2);
    expect(queue.candidates()[0]?.number).toBe(1);
  });
});

describe('what the relay says of an envelope', () => {
  const error = (code: string, more: Record<string, unknown> = {}) =>
    outcomeOf('error', { id: 'x', code, detail: 'why', frame: 3, ...more });

  test('is taken for what it means', () => {
    expect(outcomeOf('accepted', { id: 'x' })).toEqual({ outcome: 'accepted', id: 'x', result: {} });
    expect(error('unavailable')).toMatchObject({ outcome: 'again', waitMs: null });
    expect(error('rate_limited', { retry_after_ms: 700 })).toMatchObject({ outcome: 'again', waitMs: 700 });
    expect(error('mailbox_full')).toMatchObject({ outcome: 'again', why: 'mailbox_full', waitMs: 200 });
    expect(error('recipient_unknown')).toMatchObject({ outcome: 'refused', error: { code: 'user_unknown' } });
    expect(error('id_conflict')).toMatchObject({ outcome: 'refused', error: { code: 'refused' } });
    expect(error('something_new')).toMatchObject({ outcome: 'refused' });
  });

  test('puts nothing to sleep for years', () => {
    expect(error('rate_limited', { retry_after_ms: 1e12 })).toMatchObject({ waitMs: 60_000 });
    expect(error('rate_limited', { retry_after_ms: -5 })).toMatchObject({ waitMs: 0 });
    expect(error('rate_limited', { retry_after_ms: 'long' })).toMatchObject({ waitMs: 0 });
  });

  test('is about none without an id', () => {
    expect(outcomeOf('error', { code: 'bad_frame' })).toBeNull();
    expect(outcomeOf('drained', {})).toBeNull();
  });
});
