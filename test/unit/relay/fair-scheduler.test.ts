import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConnectionQueue, FairScheduler } from '../../../src/relay/context/fair-scheduler.ts';

/** A verify takes so much of a clock that nothing else moves: eight fit into a turn. */
const VERIFY_MS = 0.125;
const VERIFIES = 8;
const OVERHEAD_BYTES = 256;

let nowMs: number;
let turns: FairScheduler;
let verified: string[];
let scheduled: (() => void)[];
const nodeBudget = { bytes: 0, bytesMax: 1_000_000 };

beforeEach(() => {
  nowMs = 0;
  nodeBudget.bytes = 0;
  verified = [];
  scheduled = [];
  vi.stubGlobal('setImmediate', (callback: () => void) => scheduled.push(callback));
  turns = new FairScheduler({ nodeBudget, bytesMax: 200_000, now: () => nowMs });
});

afterEach(() => vi.unstubAllGlobals());

/** As a session does it: at once if there is time, otherwise in line. */
function receive(lane: ConnectionQueue, name: string, bytes = 100): boolean {
  const verify = () => {
    nowMs += VERIFY_MS;
    turns.spent(VERIFY_MS);
    verified.push(name);
  };
  if (!lane.open) return lane.wait(bytes, verify);
  verify();
  return true;
}

/** Ends this turn of the event loop, as far as was asked for. */
function turn(): void {
  scheduled.shift()?.();
}

it('a few frames are verified as they come', () => {
  const lane = new ConnectionQueue(turns);
  for (let n = 0; n < VERIFIES; n += 1) receive(lane, `${n}`);
  expect(verified).toHaveLength(VERIFIES);
  expect(lane.waits).toBe(false);
});

it('who comes after a flood waits for one frame of it, not for all', () => {
  const [flooder, honest] = [new ConnectionQueue(turns), new ConnectionQueue(turns)];
  for (let n = 0; n < 500; n += 1) receive(flooder, 'flood');
  receive(honest, 'honest');
  const before = verified.length;
  expect(verified).not.toContain('honest');
  turn();
  expect(verified.indexOf('honest')).toBe(before + 1);
  // And in the turns to come it does not wait at all, though the flood still does.
  expect(flooder.waits).toBe(true);
  receive(honest, 'again');
  expect(verified.at(-1)).toBe('again');
});

it('many flooders are served in turn, each in its own order, and to the end', () => {
  const lanes = Array.from({ length: 5 }, () => new ConnectionQueue(turns));
  for (let n = 0; n < 40; n += 1) for (const [index, lane] of lanes.entries()) receive(lane, `${index}:${n}`);
  while (lanes.some((lane) => lane.waits)) {
    const before = verified.length;
    turn();
    // Sockets are read again after so many verifies, however many wait.
    expect(verified.length - before).toBe(VERIFIES);
  }
  expect(verified).toHaveLength(200);
  for (const index of lanes.keys()) {
    const own = verified.filter((name) => name.startsWith(`${index}:`));
    expect(own).toEqual(Array.from({ length: 40 }, (_, n) => `${index}:${n}`));
  }
  const half = verified.slice(0, 100);
  for (const index of lanes.keys())
    expect(half.filter((name) => name.startsWith(`${index}:`)).length).toBeGreaterThan(15);
});

it('what waits is bounded, for a socket and for all of them', async () => {
  const [first, second] = [new ConnectionQueue(turns), new ConnectionQueue(turns)];
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
  while (scheduled.length > 0) turn();
  await idle;
  expect(nodeBudget.bytes).toBe(0);
});

it('what ends a socket comes behind what waits, and before what comes later', () => {
  const lane = new ConnectionQueue(turns);
  for (let n = 0; n < 20; n += 1) receive(lane, 'before');
  lane.end(() => verified.push('end'));
  for (let n = 0; n < 20; n += 1) receive(lane, 'after');
  while (scheduled.length > 0) turn();
  expect(verified).toEqual([...Array<string>(20).fill('before'), 'end']);
  expect(nodeBudget.bytes).toBe(0);
  lane.end(() => verified.push('again'));
  expect(verified.at(-1)).toBe('again');
});

it('what a socket leaves behind that the relay has closed is not verified', async () => {
  const lane = new ConnectionQueue(turns);
  for (let n = 0; n < 100; n += 1) receive(lane, `${n}`);
  const before = verified.length;
  const idle = lane.idle();
  lane.forget();
  await idle;
  turn();
  expect(verified).toHaveLength(before);
  expect(nodeBudget.bytes).toBe(0);
});

it('a crowd of newcomers is divided over turns, and waits for those who are in', async () => {
  const login = () => {
    nowMs += VERIFY_MS;
    verified.push('login');
  };
  const crowd = Array.from({ length: 30 }, () => turns.run(login));
  expect(verified).toHaveLength(VERIFIES);
  receive(new ConnectionQueue(turns), 'honest');
  turn();
  expect(verified.slice(VERIFIES)).toEqual(['honest', ...Array(VERIFIES - 1).fill('login')]);
  while (scheduled.length > 0) turn();
  await Promise.all(crowd);
  expect(verified).toHaveLength(31);
});

it('one newcomer gets in each turn, however much those who are in have to say', () => {
  const flooder = new ConnectionQueue(turns);
  for (let n = 0; n < 100; n += 1) receive(flooder, 'flood');
  void turns.run(() => verified.push('first'));
  void turns.run(() => verified.push('second'));
  turn();
  expect(verified).toContain('first');
  expect(verified).not.toContain('second');
  turn();
  expect(verified).toContain('second');
});

it('what fails in its turn fails for who asked alone', async () => {
  const broken = turns.run(() => {
    throw new Error('no');
  });
  await expect(broken).rejects.toThrow('no');
  expect(await turns.run(() => 'yes')).toBe('yes');
});
