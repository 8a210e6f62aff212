import { writeFileSync } from 'node:fs';
import { Crew } from './crew.ts';
import { durationMs, printDuration } from './durations.ts';
import { execute, type ScenarioOptions } from './executors.ts';
import { Registry } from './metrics.ts';
import { modulesFor, type Shared } from './modules.ts';
import { type Exports, loadScript, type Options } from './script.ts';
import { printSummary, type Summary, summaryData } from './summary.ts';
import { parseThresholds, type Threshold } from './thresholds.ts';
import { Vu } from './vu.ts';

/** What k6 ends with: https://grafana.com/docs/k6/latest/using-k6/thresholds/ and k6/execution. */
const EXIT = { passed: 0, thresholdsCrossed: 99, scriptError: 107, aborted: 108 } as const;
const EVALUATE_MS = 2_000;
const SAMPLE_MS = 1_000;
const REPORT_MS = 5_000;

export interface RunOptions {
  readonly script: string;
  /** `__ENV`, what `k6 run -e` sets. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdout?: (text: string) => void;
  readonly stderr?: (text: string) => void;
}

/** What a script exports, by its init code alone: like `k6 inspect`. Its shared arrays are empty. */
export async function inspect(script: string, env: Readonly<Record<string, string>>): Promise<Exports> {
  const nothing = () => undefined;
  const shared: Shared = {
    metrics: new Registry(),
    arrays: { get: () => [], set: nothing },
    checks: new Map(),
    abort: nothing,
    scenario: () => null,
    instance: () => ({}),
  };
  return (await loadScript(script, env)).instantiate(modulesFor(new Vu(0, nothing), shared), 0);
}

/** Runs a k6 script on Node.js: init, setup, scenarios, teardown, summary. @returns k6's exit code */
export async function runScript(options: RunOptions): Promise<number> {
  const run = new Run(options, await loadScript(options.script, options.env));
  return run.toItsEnd();
}

class Run {
  readonly #stdout: (text: string) => void;
  readonly #stderr: (text: string) => void;
  readonly #startedMs = performance.now();
  readonly #metrics = new Registry();
  readonly #shared: Shared;
  readonly #crew: Crew;
  /** Runs setup and teardown. */
  readonly #lifecycle: Vu;
  readonly #script: Exports;
  readonly #thresholds: readonly Threshold[];
  #aborted: { readonly reason: string; readonly exitCode: number } | null = null;

  constructor(options: RunOptions, script: Awaited<ReturnType<typeof loadScript>>) {
    this.#stdout = options.stdout ?? ((text) => process.stdout.write(text));
    this.#stderr = options.stderr ?? ((text) => process.stderr.write(text));
    const onError = (error: unknown) =>
      this.#stderr(`ERRO ${error instanceof Error ? error.stack : String(error)}\n`);
    this.#shared = {
      metrics: this.#metrics,
      arrays: new Map(),
      checks: new Map(),
      abort: (reason) => this.#abort(reason, EXIT.aborted),
      scenario: (vu) => this.#crew.scenarioOf(vu),
      instance: () => this.#crew.instance(this.#startedMs),
    };
    const instantiate = (vu: Vu) => script.instantiate(modulesFor(vu, this.#shared), vu.id);
    this.#crew = new Crew({
      metrics: this.#metrics,
      instantiate,
      onError,
      stopping: () => this.#aborted !== null,
    });
    this.#lifecycle = new Vu(0, (error) => {
      onError(error);
      this.#abort('setup or teardown failed', EXIT.scriptError);
    });
    this.#script = instantiate(this.#lifecycle);
    this.#thresholds = parseThresholds(this.#script.options?.thresholds ?? {}, this.#metrics);
  }

  async toItsEnd(): Promise<number> {
    let data = 'null';
    await this.#lifecycle.iterate(async () => {
      data = JSON.stringify((await this.#script.setup?.()) ?? null);
    });
    const timers = [
      setInterval(() => this.#sample(), SAMPLE_MS),
      setInterval(() => this.#evaluate(), EVALUATE_MS),
      setInterval(() => this.#report(), REPORT_MS),
    ];
    const scenarios = Object.entries(scenariosOf(this.#script.options ?? {}));
    await Promise.all(
      scenarios.map(async ([name, scenario]) => {
        const pool = this.#crew.pool(name, scenario, data);
        const startMs = durationMs(scenario.startTime ?? '0s');
        await new Promise((resolve) => setTimeout(resolve, startMs));
        await execute(scenario, pool);
      }),
    );
    for (const timer of timers) clearInterval(timer);
    this.#sample();
    await this.#lifecycle.iterate(() => this.#script.teardown?.(JSON.parse(data)));
    this.#report();
    return this.#finish();
  }

  #abort(reason: string, exitCode: number): void {
    this.#aborted ??= { reason, exitCode };
  }

  get #seconds(): number {
    return (performance.now() - this.#startedMs) / 1_000;
  }

  #sample(): void {
    this.#metrics.add('vus', this.#crew.active);
    this.#metrics.add('vus_max', this.#crew.initialized);
  }

  #evaluate(): void {
    for (const { metric, expression, abortOnFail, delayAbortEvalMs, check } of this.#thresholds) {
      const isDue = abortOnFail && this.#seconds * 1_000 >= delayAbortEvalMs;
      if (isDue && !check(this.#seconds).ok)
        this.#abort(`threshold ${metric} ${expression} was crossed, and aborts`, EXIT.thresholdsCrossed);
    }
  }

  #report(): void {
    const { active, initialized, counts } = this.#crew;
    const iterations = `${counts.complete} complete and ${counts.interrupted} interrupted iterations`;
    this.#stderr(
      `running (${printDuration(this.#seconds * 1_000)}), ${active}/${initialized} VUs, ${iterations}\n`,
    );
  }

  async #finish(): Promise<number> {
    const seconds = this.#seconds;
    const summary: Summary = {
      metrics: this.#metrics,
      thresholds: this.#thresholds,
      checks: this.#shared.checks,
      seconds,
      trendStats: this.#script.options?.summaryTrendStats,
    };
    const own = await this.#script.handleSummary?.(summaryData(summary));
    const outputs = (own ?? { stdout: printSummary(summary) }) as Readonly<Record<string, string>>;
    for (const [place, text] of Object.entries(outputs)) {
      if (place === 'stdout') this.#stdout(text);
      else if (place === 'stderr') this.#stderr(text);
      else writeFileSync(place, text);
    }
    const crossed = this.#thresholds.filter(({ check }) => !check(seconds).ok);
    for (const { metric, expression } of crossed)
      this.#stderr(`ERRO threshold ${metric} ${expression} was crossed\n`);
    if (this.#aborted === null) return crossed.length > 0 ? EXIT.thresholdsCrossed : EXIT.passed;
    this.#stderr(`ERRO ${this.#aborted.reason}\n`);
    return this.#aborted.exitCode;
  }
}

/** The short forms of the options mean one scenario called default. */
export function scenariosOf(options: Options): Readonly<Record<string, ScenarioOptions>> {
  const { scenarios, vus = 1, iterations, duration, stages } = options;
  if (scenarios !== undefined) return scenarios;
  if (stages !== undefined) return { default: { executor: 'ramping-vus', startVUs: vus, stages } };
  if (duration !== undefined && iterations === undefined)
    return { default: { executor: 'constant-vus', vus, duration } };
  const maxDuration = duration ?? '10m';
  return { default: { executor: 'shared-iterations', vus, iterations: iterations ?? 1, maxDuration } };
}
