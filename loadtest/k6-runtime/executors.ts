import { durationMs } from './durations.ts';
import type { Ended } from './vu.ts';

/** How iterations are scheduled: https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/. */

interface Common {
  readonly exec?: string;
  readonly startTime?: string;
  readonly gracefulStop?: string;
}

export interface Stage {
  readonly duration: string;
  readonly target: number;
}

export type ScenarioOptions = Common &
  (
    | {
        readonly executor: 'shared-iterations';
        readonly vus?: number;
        readonly iterations?: number;
        readonly maxDuration?: string;
      }
    | { readonly executor: 'constant-vus'; readonly vus?: number; readonly duration: string }
    | {
        readonly executor: 'ramping-vus';
        readonly startVUs?: number;
        readonly stages: readonly Stage[];
        readonly gracefulRampDown?: string;
      }
    | {
        readonly executor: 'constant-arrival-rate';
        readonly rate: number;
        readonly timeUnit?: string;
        readonly duration: string;
        readonly preAllocatedVUs: number;
        readonly maxVUs?: number;
      }
    | {
        readonly executor: 'ramping-arrival-rate';
        readonly startRate?: number;
        readonly timeUnit?: string;
        readonly stages: readonly Stage[];
        readonly preAllocatedVUs: number;
        readonly maxVUs?: number;
      }
  );

/** What an executor schedules: the virtual users of its scenario, by number from 0. */
export interface Pool {
  /** One iteration of this virtual user. */
  iterate(vu: number): Promise<Ended>;
  interrupt(vu: number): void;
  busy(vu: number): boolean;
  /** Iterations that could not be started. */
  dropped(count: number): void;
  /** True once the whole run is to end: nothing more is started, and graceful stops are cut short. */
  readonly stopping: boolean;
}

const TICK_MS = 10;
const GRACEFUL_STOP = '30s';

/** The most virtual users that a scenario runs at once. */
export function vusOf(options: ScenarioOptions): number {
  switch (options.executor) {
    case 'shared-iterations':
    case 'constant-vus':
      return options.vus ?? 1;
    case 'ramping-vus':
      return Math.max(options.startVUs ?? 1, ...options.stages.map(({ target }) => target));
    default:
      return Math.max(options.preAllocatedVUs, options.maxVUs ?? 0);
  }
}

/** How long iterations may be started, ms: what `progress` counts. */
export function lengthMs(options: ScenarioOptions): number {
  if (options.executor === 'shared-iterations') return durationMs(options.maxDuration ?? '10m');
  if ('duration' in options) return durationMs(options.duration);
  return options.stages.reduce((sum, { duration }) => sum + durationMs(duration), 0);
}

/** Runs a scenario to its end: no iteration of it is left. */
export async function execute(options: ScenarioOptions, pool: Pool): Promise<void> {
  const vus = Array.from({ length: vusOf(options) }, (_, vu) => vu);
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const endMs = lengthMs(options);
  const open = () => !pool.stopping && elapsedMs() < endMs;
  const running = new Set<Promise<unknown>>();
  const run = (loop: Promise<unknown>) => {
    running.add(loop);
    void loop.finally(() => running.delete(loop));
  };
  const untilAllEnded = async () => {
    const limitMs = endMs + durationMs(options.gracefulStop ?? GRACEFUL_STOP);
    while (running.size > 0 && !pool.stopping && elapsedMs() < limitMs) await pause(TICK_MS);
    for (const vu of vus) pool.interrupt(vu);
    await Promise.all(running);
  };

  switch (options.executor) {
    case 'shared-iterations': {
      const iterations = options.iterations ?? 1;
      let started = 0;
      for (const vu of vus) {
        run(
          (async () => {
            while (open() && started < iterations) {
              started += 1;
              await pool.iterate(vu);
            }
          })(),
        );
      }
      await untilAllEnded();
      if (started < iterations) pool.dropped(iterations - started);
      return;
    }
    case 'constant-vus':
      for (const vu of vus) run(repeat(vu, pool, open));
      return untilAllEnded();
    case 'ramping-vus': {
      const wanted = plan(options.startVUs ?? 1, options.stages);
      const graceMs = durationMs(options.gracefulRampDown ?? GRACEFUL_STOP);
      const looping = new Set<number>();
      const notWantedSinceMs = new Map<number, number>();
      while (open()) {
        const count = Math.round(wanted(elapsedMs()).value);
        for (const vu of vus) {
          if (vu < count) {
            notWantedSinceMs.delete(vu);
            if (looping.has(vu)) continue;
            looping.add(vu);
            const loop = repeat(vu, pool, () => open() && !notWantedSinceMs.has(vu));
            run(loop.finally(() => looping.delete(vu)));
          } else {
            if (!notWantedSinceMs.has(vu)) notWantedSinceMs.set(vu, elapsedMs());
            if (elapsedMs() - (notWantedSinceMs.get(vu) ?? 0) > graceMs) pool.interrupt(vu);
          }
        }
        await pause(TICK_MS);
      }
      return untilAllEnded();
    }
    default: {
      const ramping = options.executor === 'ramping-arrival-rate';
      const rates = ramping
        ? plan(options.startRate ?? 0, options.stages)
        : plan(options.rate, [{ duration: options.duration, target: options.rate }]);
      const unitMs = durationMs(options.timeUnit ?? '1s');
      let due = 0;
      while (open()) {
        // The n-th iteration is due when so many have come together under the curve of the rate.
        const total = Math.floor(rates(elapsedMs()).area / unitMs);
        for (; due < total; due += 1) {
          const idle = vus.find((vu) => !pool.busy(vu));
          if (idle === undefined) pool.dropped(1);
          else run(pool.iterate(idle));
        }
        await pause(TICK_MS);
      }
      return untilAllEnded();
    }
  }
}

async function repeat(vu: number, pool: Pool, wanted: () => boolean): Promise<void> {
  while (wanted()) await pool.iterate(vu);
}

/** The value that stages move to in straight lines, and the area below it so far, in value × ms. */
export function plan(start: number, stages: readonly Stage[]) {
  return (atMs: number): { readonly value: number; readonly area: number } => {
    let [value, area, leftMs] = [start, 0, atMs];
    for (const { duration, target } of stages) {
      const stageMs = durationMs(duration);
      const spentMs = Math.min(leftMs, stageMs);
      const reached = stageMs === 0 ? target : value + (target - value) * (spentMs / stageMs);
      area += ((value + reached) / 2) * spentMs;
      value = reached;
      leftMs -= spentMs;
      if (leftMs <= 0) break;
    }
    return { value, area };
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
