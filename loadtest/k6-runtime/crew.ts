import { lengthMs, type Pool, type ScenarioOptions, vusOf } from './executors.ts';
import type { Registry } from './metrics.ts';
import type { Exports } from './script.ts';
import { Vu } from './vu.ts';

interface Running {
  readonly name: string;
  readonly options: ScenarioOptions;
  readonly startTime: number;
  readonly iteration: number;
}

export interface CrewOptions {
  readonly metrics: Registry;
  /** The script's init code for one more VU. */
  readonly instantiate: (vu: Vu) => Exports;
  readonly onError: (error: unknown) => void;
  readonly stopping: () => boolean;
}

/** All virtual users of a run, and what each of them does now. */
export class Crew {
  readonly counts = { complete: 0, interrupted: 0 };
  readonly #options: CrewOptions;
  readonly #running = new Map<Vu, Running>();
  #vus = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  get initialized(): number {
    return this.#vus;
  }

  get active(): number {
    return this.#running.size;
  }

  /** The virtual users of one scenario, initialized. @param data what setup returned, as JSON */
  pool(name: string, options: ScenarioOptions, data: string): Pool {
    const { metrics, instantiate, onError, stopping } = this.#options;
    const functionName = options.exec ?? 'default';
    const members = Array.from({ length: vusOf(options) }, () => {
      this.#vus += 1;
      const vu = new Vu(this.#vus, onError);
      const run = instantiate(vu)[functionName];
      if (typeof run !== 'function') throw new Error(`the script exports no function ${functionName}`);
      return { vu, run };
    });
    const startTime = Date.now();
    let iterations = 0;
    const member = (index: number) => {
      const found = members[index];
      if (found === undefined) throw new RangeError(`scenario ${name} has no VU ${index}`);
      return found;
    };
    return {
      iterate: async (index) => {
        const { vu, run } = member(index);
        vu.iterationInInstance += 1;
        vu.iterationInScenario += 1;
        this.#running.set(vu, { name, options, startTime, iteration: iterations });
        iterations += 1;
        const beganMs = performance.now();
        const ended = await vu.iterate(() => run(JSON.parse(data)));
        this.#running.delete(vu);
        this.counts[ended] += 1;
        if (ended === 'complete') {
          metrics.add('iterations', 1, { scenario: name });
          metrics.add('iteration_duration', performance.now() - beganMs, { scenario: name });
        }
        return ended;
      },
      interrupt: (index) => member(index).vu.interrupt(),
      busy: (index) => member(index).vu.busy,
      dropped: (count) => metrics.add('dropped_iterations', count, { scenario: name }),
      get stopping() {
        return stopping();
      },
    };
  }

  /** `exec.scenario` for this VU; null outside of a scenario. */
  scenarioOf(vu: Vu): object | null {
    const running = this.#running.get(vu);
    if (running === undefined) return null;
    const { name, options, startTime, iteration } = running;
    return {
      name,
      executor: options.executor,
      startTime,
      progress: Math.min(1, (Date.now() - startTime) / lengthMs(options)),
      iterationInInstance: iteration,
      iterationInTest: iteration,
    };
  }

  /** `exec.instance`. */
  instance(sinceMs: number): object {
    return {
      iterationsCompleted: this.counts.complete,
      iterationsInterrupted: this.counts.interrupted,
      vusActive: this.active,
      vusInitialized: this.initialized,
      currentTestRunDuration: performance.now() - sinceMs,
    };
  }
}
