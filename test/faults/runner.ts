import { Bench, type BenchOptions, NotRun, type Outcome, type Scenario } from './bench.ts';

/** Runs one scenario once. A scenario that throws has failed, and says why in a rule. */
export async function runScenario(scenario: Scenario, options: BenchOptions): Promise<Outcome> {
  const bench = new Bench(options);
  try {
    await scenario.run(bench).catch((error: unknown) => {
      if (error instanceof NotRun) bench.notRun = error.message;
      bench.rule(
        'the scenario runs to its end',
        false,
        error instanceof Error ? (error.stack ?? '') : String(error),
      );
    });
    const { name, row, what } = scenario;
    return { ...(await bench.finish()), scenario: name, row, what };
  } finally {
    await bench.remove();
  }
}
