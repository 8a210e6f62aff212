import { afterEach, expect, test, vi } from 'vitest';
import { LogLines } from '../../../src/ops/log/log-lines.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A pipe that takes so many bytes until it is read. */
function pipe(room: number) {
  const state = { room, text: '', writes: 0, error: 'EAGAIN' };
  const lost: number[] = [];
  const lines = new LogLines({
    onLost: (count) => lost.push(count),
    write: (bytes) => {
      if (state.room === 0) throw Object.assign(new Error('no room'), { code: state.error });
      const taken = bytes.subarray(0, state.room);
      state.room -= taken.length;
      state.text += Buffer.from(taken).toString();
      state.writes += 1;
      return taken.length;
    },
  });
  return { state, lost, lines };
}

test('a line is written at once', () => {
  const { state, lines } = pipe(1_000);
  lines.write('one\n');
  expect(state.text).toBe('one\n');
  lines.write('two\n');
  expect(state).toMatchObject({ text: 'one\ntwo\n', writes: 2 });
});

test('a stalled reader does not block, and gets everything in order when it reads again', async () => {
  vi.useFakeTimers();
  const { state, lost, lines } = pipe(6);
  lines.write('one ü\n');
  lines.write('two\n');
  await vi.advanceTimersByTimeAsync(500);
  expect(Buffer.byteLength('one ü')).toBe(6);
  lines.write('three\n');
  state.room = 1_000;
  await vi.advanceTimersByTimeAsync(50);
  expect(state.text).toBe('one ü\ntwo\nthree\n');
  expect(lost).toEqual([]);
});

test('beyond 1 MiB lines are lost, and counted once the reader reads again', async () => {
  vi.useFakeTimers();
  const { state, lost, lines } = pipe(0);
  const line = `${'x'.repeat(1023)}\n`;
  for (let n = 0; n < 1_030; n += 1) lines.write(line);
  await vi.advanceTimersByTimeAsync(200);
  expect(lost).toEqual([]);
  state.room = Number.MAX_SAFE_INTEGER;
  await vi.advanceTimersByTimeAsync(100);
  expect(state.text.length).toBe(1024 * 1024);
  expect(lost).toEqual([6]);
  lines.write('on\n');
  await vi.advanceTimersByTimeAsync(10);
  expect(state.text.endsWith('on\n')).toBe(true);
});

test('a broken pipe is not written to again', () => {
  const { state, lost, lines } = pipe(0);
  state.error = 'EPIPE';
  lines.write('one\n');
  state.room = 1_000;
  lines.write('two\n');
  lines.end();
  expect(state.text).toBe('');
  expect(lost).toEqual([]);
});

test('at the end of the process waiting lines are written, within a bound', () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const { state, lines } = pipe(0);
  lines.write('last words\n');
  state.room = 11;
  lines.end();
  expect(state.text).toBe('last words\n');
  lines.write('unheard\n');
  const startedMs = performance.now();
  lines.end();
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
