import { NotRun, type Outcome, type Scenario, Trial, type TrialOptions } from './trial.ts';

/** Runs one scenario once. A scenario that throws has failed, and says why in a rule. */
export async function runScenario(scenario: Scenario, options: TrialOptions): Promise<Outcome> {
  const trial = new Trial(options);
  try {
    await scenario.run(trial).catch((error: unknown) => {
      if (error instanceof NotRun) trial.notRun = error.message;
      trial.rule(
        'the scenario runs to its end',
        false,
        error instanceof Error ? (error.stack ?? '') : String(error),
      );
    });
    const { name, row, what } = scenario;
    const outcome = await trial.finish();
    if (!outcome.passed) trial.tellWarnings();
    return { ...outcome, scenario: name, row, what };
  } finally {
    await trial.remove();
  }
}
