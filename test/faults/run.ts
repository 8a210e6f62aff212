import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, mainOf } from './harness/build.ts';
import { type Run, runAll } from './harness/parallel.ts';
import { runScenario } from './harness/runner.ts';
import { complaints, countsOf, table, verdictOf } from './report/console.ts';
import { type Result, resultOf, save } from './report/results.ts';
import { SCENARIOS } from './scenarios/index.ts';

const USAGE = `npm run test:faults -- [options]
  --short         each scenario once, at least 1,000 envelopes, two at a time, ten minutes in all
  --only NAMES    these scenarios alone, with commas between; one alone says what it does
  --but NAMES     all but these
  --runs N        each so often, every time with another seed
  --seed S        the first seed; printed, so that a failure can be replayed
  --minutes N     how long the scenario everything goes on
  --lanes N       so many at a time (default: 2 with --short, otherwise 1)
  --list          says which scenarios there are
  --main FILE     the relay to test: another build's cli/main.js
  --results DIR   where figures, plots and logs go (default: .cache/faults/results)
  --counts FILE   writes how many passed, failed and were not run`;

// Servers are ended at `exit`, which a signal alone does not bring about.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    but: { type: 'string' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    lanes: { type: 'string' },
    list: { type: 'boolean', default: false },
    main: { type: 'string' },
    results: { type: 'string' },
    counts: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(USAGE);
} else if (values.list) {
  for (const { name, row, what } of SCENARIOS) console.log(`${name.padEnd(28)} row ${row}: ${what}`);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const folder = resolve('.cache/faults');
  const main = values.main === undefined ? mainOf(build(join(folder, 'build'))) : resolve(values.main);
  const results = values.results === undefined ? join(folder, 'results') : resolve(values.results);
  const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  const runs = chosen().flatMap((scenario) =>
    Array.from({ length: Number(values.runs) }, (_, run) => ({ scenario, seed: firstSeed + run })),
  );
  const [only] = runs;
  const all =
    runs.length === 1 && only !== undefined
      ? [await runHere(only, main, results)]
      : await runMany(runs, main, results);
  const said = all.flatMap(complaints);
  console.log(`\n${table(all)}\n${said.length === 0 ? '' : `\n${said.join('\n')}\n`}`);
  const { passed, failed, notRun } = countsOf(all);
  if (values.counts !== undefined)
    writeFileSync(values.counts, `${JSON.stringify({ passed, failed, notRun })}\n`);
  console.log(`${passed} passed, ${failed} failed${notRun === 0 ? '' : `, ${notRun} not run`}`);
  return failed === 0 ? 0 : 1;
}

async function runHere({ scenario, seed }: Run, main: string, results: string): Promise<Result> {
  console.log(`\n${scenario.name} (seed ${seed}): ${scenario.what}`);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const log = (line: string) => console.log(line);
  const outcome = await runScenario(scenario, { seed, short: values.short, minutes, main, log });
  console.log(`plot: ${save(results, outcome)}`);
  return resultOf(outcome);
}

function runMany(runs: readonly Run[], main: string, folder: string): Promise<readonly Result[]> {
  const { short, minutes, lanes = short ? '2' : '1' } = values;
  console.log(`${runs.length} runs, ${lanes} at a time, first seed ${runs[0]?.seed}`);
  let done = 0;
  const onResult = (result: Result, log: string): void => {
    done += 1;
    const { scenario, seed, durationMs, counts } = result;
    const what = `${scenario} (seed ${seed})`.padEnd(40);
    const figures = `${Math.round(durationMs / 1000)} s, ${counts?.accepted ?? 0} accepted`;
    console.log(
      `${`${done}`.padStart(3)}/${runs.length}  ${verdictOf(result).padEnd(15)}  ${what}${figures}`,
    );
    if (result.passed) return;
    for (const line of complaints(result)) console.log(`         ${line.slice(0, 300)}`);
    console.log(`         all that was said: ${log}`);
  };
  return runAll(runs, { lanes: Number(lanes), short, minutes, main, folder, onResult });
}

function chosen() {
  const named = (names: string) =>
    names.split(',').map((name) => {
      const scenario = SCENARIOS.find((one) => one.name === name);
      if (scenario === undefined)
        throw new Error(`there is no scenario ${name}; --list says which there are`);
      return scenario;
    });
  const some = values.only === undefined ? SCENARIOS : named(values.only);
  const without = new Set(values.but === undefined ? [] : named(values.but));
  return some.filter((scenario) => !without.has(scenario));
}
