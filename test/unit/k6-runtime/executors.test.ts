import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  execute,
  lengthMs,
  type Pool,
  type ScenarioOptions,
  vusOf,
} from '../../../loadtest/k6-runtime/executors.ts';
import type { Ended } from '../../../loadtest/k6-runtime/vu.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

/** Virtual users whose iterations take so long; writes down what the executor did. */
class Script implements Pool {
  readonly starts: { readonly vu: number; readonly atMs: number }[] = [];
  readonly endings: Ended[] = [];
  droppedCount = 0;
  stopping = false;
  busiest = 0;
  readonly #iterationMs: number;
  readonly #running = new Map<number, (how: Ended) => void>();

  constructor(iterationMs: number) {
    this.#iterationMs = iterationMs;
  }

  iterate(vu: number): Promise<Ended> {
    this.starts.push({ vu, atMs: performance.now() });
    return new Promise((resolve) => {
      const end = (how: Ended) => {
        clearTimeout(timer);
        this.#running.delete(vu);
        this.endings.push(how);
        resolve(how);
      };
      const timer = setTimeout(() => end('complete'), this.#iterationMs);
      this.#running.set(vu, end);
      this.busiest = Math.max(this.busiest, this.#running.size);
    });
  }

  interrupt(vu: number): void {
    this.#running.get(vu)?.('interrupted');
  }

  busy(vu: number): boolean {
    return this.#running.has(vu);
  }

  dropped(count: number): void {
    this.droppedCount += count;
  }

  get active(): number {
    return this.#running.size;
  }
}

interface Ran {
  readonly script: Script;
  readonly tookMs: number;
  startsIn(fromMs: number, toMs: number): number;
}

/** @param at called each 10 ms */
async function run(
  options: ScenarioOptions,
  iterationMs: number,
  at: (ms: number, script: Script) => void = () => undefined,
): Promise<Ran> {
  const script = new Script(iterationMs);
  const startMs = performance.now();
  let ended = false;
  const running = execute(options, script).then(() => {
    ended = true;
  });
  while (!ended) {
    at(performance.now() - startMs, script);
    await vi.advanceTimersByTimeAsync(10);
  }
  await running;
  const startsIn = (fromMs: number, toMs: number) =>
    script.starts.filter(({ atMs }) => atMs - startMs >= fromMs && atMs - startMs < toMs).length;
  return { script, tookMs: performance.now() - startMs, startsIn };
}

describe('shared-iterations', () => {
  it('shares so many iterations among the VUs, and ends when all are done', async () => {
    const { script, tookMs } = await run({ executor: 'shared-iterations', vus: 3, iterations: 10 }, 100);
    expect(script.endings).toEqual(new Array(10).fill('complete'));
    expect(script.busiest).toBe(3);
    expect(tookMs).toBeLessThan(500);
  });

  it('starts none after maxDuration, and counts those as dropped', async () => {
    const options = { executor: 'shared-iterations', vus: 1, iterations: 10, maxDuration: '250ms' } as const;
    const { script } = await run(options, 100);
    expect(script.endings).toHaveLength(3);
    expect(script.droppedCount).toBe(7);
  });
});

describe('constant-vus', () => {
  it('keeps all VUs busy for its duration, and lets iterations in progress finish', async () => {
    const { script, tookMs } = await run({ executor: 'constant-vus', vus: 2, duration: '1s' }, 300);
    expect(script.endings).toEqual(new Array(8).fill('complete'));
    expect(tookMs).toBeGreaterThanOrEqual(1_200);
  });

  it('interrupts what is not over after gracefulStop', async () => {
    const options = { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '500ms' } as const;
    const { script, tookMs } = await run(options, 10_000);
    expect(script.endings).toEqual(['interrupted', 'interrupted']);
    expect(tookMs).toBeLessThan(1_600);
  });
});

describe('ramping-vus', () => {
  it('moves the number of VUs in straight lines, up and down', async () => {
    const active = new Map<number, number>();
    const stages = [10, 10, 0].map((target) => ({ duration: '1s', target }));
    await run({ executor: 'ramping-vus', startVUs: 0, stages }, 20, (ms, script) =>
      active.set(Math.round(ms), script.active),
    );
    expect(active.get(500)).toBeGreaterThanOrEqual(4);
    expect(active.get(500)).toBeLessThanOrEqual(6);
    expect(active.get(1_500)).toBe(10);
    expect(active.get(2_500)).toBeLessThanOrEqual(6);
    expect(active.get(2_500)).toBeGreaterThanOrEqual(4);
  });

  it('interrupts a VU that is no longer wanted after gracefulRampDown', async () => {
    const stages = [
      { duration: '0s', target: 2 },
      { duration: '1s', target: 2 },
      { duration: '0s', target: 1 },
      { duration: '2s', target: 1 },
    ];
    const graces = { gracefulRampDown: '500ms', gracefulStop: '0s' };
    const options = { executor: 'ramping-vus', startVUs: 2, stages, ...graces } as const;
    const { script } = await run(options, 60_000, (ms, { endings }) => {
      if (ms < 1_400) expect(endings).toEqual([]);
      if (ms > 1_600 && ms < 2_900) expect(endings).toEqual(['interrupted']);
    });
    expect(script.endings).toEqual(['interrupted', 'interrupted']);
  });
});

describe('constant-arrival-rate', () => {
  const constantRate = (parts: Omit<Extract<ScenarioOptions, { rate: number }>, 'executor'>) =>
    ({ executor: 'constant-arrival-rate', ...parts }) as const;

  it('starts iterations evenly, however long they take', async () => {
    const options = constantRate({ rate: 20, duration: '2s', preAllocatedVUs: 40 });
    const { script, startsIn } = await run(options, 1_500);
    expect(script.starts.length).toBeGreaterThanOrEqual(39);
    expect(script.starts.length).toBeLessThanOrEqual(40);
    for (const ms of [100, 600, 1_100]) expect(startsIn(ms, ms + 500)).toBe(10);
    expect(script.droppedCount).toBe(0);
  });

  it('drops what no VU is free for', async () => {
    const options = constantRate({ rate: 20, duration: '1s', preAllocatedVUs: 2 });
    const { script } = await run(options, 10_000);
    expect(script.starts).toHaveLength(2);
    expect(script.droppedCount).toBeGreaterThanOrEqual(17);
  });

  it('counts the rate for each timeUnit', async () => {
    const options = constantRate({ rate: 30, timeUnit: '1m', duration: '10s', preAllocatedVUs: 5 });
    expect((await run(options, 10)).script.starts.length).toBeGreaterThanOrEqual(4);
  });
});

describe('ramping-arrival-rate', () => {
  it('starts as many iterations as lie below the curve of the rate', async () => {
    const stages = [
      { duration: '2s', target: 100 },
      { duration: '1s', target: 100 },
    ];
    const options = { executor: 'ramping-arrival-rate', startRate: 0, stages, preAllocatedVUs: 50 } as const;
    const { script, startsIn } = await run(options, 50);
    expect(script.starts.length).toBeGreaterThanOrEqual(197);
    expect(script.starts.length).toBeLessThanOrEqual(200);
    expect(startsIn(0, 1_000)).toBeLessThanOrEqual(26);
    expect(startsIn(2_000, 3_000)).toBeGreaterThanOrEqual(98);
  });
});

it('a run that is aborted starts nothing more, and interrupts what runs', async () => {
  const { script, tookMs } = await run(
    { executor: 'constant-vus', vus: 2, duration: '1h' },
    60_000,
    (ms, running) => {
      if (ms > 500) running.stopping = true;
    },
  );
  expect(script.endings).toEqual(['interrupted', 'interrupted']);
  expect(tookMs).toBeLessThan(600);
});

it('says how many VUs and how long a scenario takes', () => {
  const stages = [
    { duration: '1m30s', target: 7 },
    { duration: '30s', target: 3 },
  ];
  expect(vusOf({ executor: 'ramping-vus', stages })).toBe(7);
  expect(lengthMs({ executor: 'ramping-vus', stages })).toBe(120_000);
  expect(
    vusOf({ executor: 'constant-arrival-rate', rate: 1, duration: '1s', preAllocatedVUs: 2, maxVUs: 5 }),
  ).toBe(5);
  expect(lengthMs({ executor: 'shared-iterations' })).toBe(600_000);
});
