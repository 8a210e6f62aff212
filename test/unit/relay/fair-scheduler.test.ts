import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConnectionQueue, FairScheduler } from '../../../src/relay/context/fair-scheduler.ts';

/** A verify takes this much of a clock that nothing else moves: eight fit into a tick. */
const VERIFY_MS = 0.125;
const VERIFIES = 8;
const OVERHEAD_BYTES = 256;

let nowMs: number;
let scheduler: FairScheduler;
let verified: string[];
let scheduled: (() => void)[];
const nodeBudget = { bytes: 0, bytesMax: 1_000_000 };

beforeEach(() => {
  nowMs = 0;
  nodeBudget.bytes = 0;
  verified = [];
  scheduled = [];
  vi.stubGlobal('setImmediate', (callback: () => void) => scheduled.push(callback));
  scheduler = new FairScheduler({ nodeBudget, bytesMax: 200_000, now: () => nowMs });
});

afterEach(() => vi.unstubAllGlobals());

/** As a session does it: at once while the tick has budget left, otherwise queued. */
function receive(queue: ConnectionQueue, name: string, bytes = 100): boolean {
  const verify = () => {
    nowMs += VERIFY_MS;
    scheduler.spent(VERIFY_MS);
    verified.push(name);
  };
  if (!queue.open) return queue.wait(bytes, verify);
  verify();
  return true;
}

/** Ends this tick of the event loop. */
function tick(): void {
  scheduled.shift()?.();
}

it('verifies a few frames as they come', () => {
  const queue = new ConnectionQueue(scheduler);
  for (let n = 0; n < VERIFIES; n += 1) receive(queue, `${n}`);
  expect(verified).toHaveLength(VERIFIES);
  expect(queue.waits).toBe(false);
});

it('calls a task at the end of each tick until it is done', () => {
  let calls = 0;
  scheduler.atEnd(() => {
    calls += 1;
    return calls === 2;
  });
  expect(calls).toBe(0);
  for (let n = 0; n < 5; n += 1) tick();
  expect(calls).toBe(2);
});

it('lets a client that sends after a flood wait for one frame of it, not for all', () => {
  const [flooder, honest] = [new ConnectionQueue(scheduler), new ConnectionQueue(scheduler)];
  for (let n = 0; n < 500; n += 1) receive(flooder, 'flood');
  receive(honest, 'honest');
  const before = verified.length;
  expect(verified).not.toContain('honest');
  tick();
  expect(verified.indexOf('honest')).toBe(before + 1);
  // And in the scheduler to come it does not wait at all, though the flood still does.
  expect(flooder.waits).toBe(true);
  receive(honest, 'again');
  expect(verified.at(-1)).toBe('again');
});

it('serves many flooding clients in turn, each in its own order, to the end', () => {
  const queues = Array.from({ length: 5 }, () => new ConnectionQueue(scheduler));
  for (let n = 0; n < 40; n += 1)
    for (const [index, queue] of queues.entries()) receive(queue, `${index}:${n}`);
  while (queues.some((queue) => queue.waits)) {
    const before = verified.length;
    tick();
    // Sockets are read again after so many verifies, however many wait.
    expect(verified.length - before).toBe(VERIFIES);
  }
  expect(verified).toHaveLength(200);
  for (const index of queues.keys()) {
    const own = verified.filter((name) => name.startsWith(`${index}:`));
    expect(own).toEqual(Array.from({ length: 40 }, (_, n) => `${index}:${n}`));
  }
  const half = verified.slice(0, 100);
  for (const index of queues.keys())
    expect(half.filter((name) => name.startsWith(`${index}:`)).length).toBeGreaterThan(15);
});

it('bounds what waits, per socket and in all', async () => {
  const [first, second] = [new ConnectionQueue(scheduler), new ConnectionQueue(scheduler)];
  for (let n = 0; n < VERIFIES; n += 1) receive(first, 'at once');
  let taken = 0;
  while (receive(first, 'waits', 10_000)) taken += 1;
  expect(taken).toBe(Math.floor(200_000 / (10_000 + OVERHEAD_BYTES)));
  expect(nodeBudget.bytes).toBe(taken * (10_000 + OVERHEAD_BYTES));
  expect(receive(second, 'other', 10_000)).toBe(true);
  nodeBudget.bytes = nodeBudget.bytesMax - 100;
  expect(receive(second, 'no room')).toBe(false);
  nodeBudget.bytes = (taken + 1) * (10_000 + OVERHEAD_BYTES);
  const idle = Promise.all([first.idle(), second.idle()]);
  while (scheduled.length > 0) tick();
  await idle;
  expect(nodeBudget.bytes).toBe(0);
});

it('closes a socket after its queued frames, and ignores later ones', () => {
  const queue = new ConnectionQueue(scheduler);
  for (let n = 0; n < 20; n += 1) receive(queue, 'before');
  queue.end(() => verified.push('end'));
  for (let n = 0; n < 20; n += 1) receive(queue, 'after');
  while (scheduled.length > 0) tick();
  expect(verified).toEqual([...Array<string>(20).fill('before'), 'end']);
  expect(nodeBudget.bytes).toBe(0);
  queue.end(() => verified.push('again'));
  expect(verified.at(-1)).toBe('again');
});

it('does not verify the queued frames of a socket that the relay has closed', async () => {
  const queue = new ConnectionQueue(scheduler);
  for (let n = 0; n < 100; n += 1) receive(queue, `${n}`);
  const before = verified.length;
  const idle = queue.idle();
  queue.forget();
  await idle;
  tick();
  expect(verified).toHaveLength(before);
  expect(nodeBudget.bytes).toBe(0);
});

it('spreads a crowd of new connections over ticks, behind logged-in ones', async () => {
  const login = () => {
    nowMs += VERIFY_MS;
    verified.push('login');
  };
  const crowd = Array.from({ length: 30 }, () => scheduler.run(login));
  expect(verified).toHaveLength(VERIFIES);
  receive(new ConnectionQueue(scheduler), 'honest');
  tick();
  expect(verified.slice(VERIFIES)).toEqual(['honest', ...Array(VERIFIES - 1).fill('login')]);
  while (scheduled.length > 0) tick();
  await Promise.all(crowd);
  expect(verified).toHaveLength(31);
});

it('runs one task of a new connection in each tick, however busy the logged-in ones are', () => {
  const flooder = new ConnectionQueue(scheduler);
  for (let n = 0; n < 100; n += 1) receive(flooder, 'flood');
  void scheduler.run(() => verified.push('first'));
  void scheduler.run(() => verified.push('second'));
  tick();
  expect(verified).toContain('first');
  expect(verified).not.toContain('second');
  tick();
  expect(verified).toContain('second');
});

it('fails a task for its own caller alone', async () => {
  const broken = scheduler.run(() => {
    throw new Error('no');
  });
  await expect(broken).rejects.toThrow('no');
  expect(await scheduler.run(() => 'yes')).toBe('yes');
});
