import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Outcome } from './bench.ts';
import { build, mainOf } from './build.ts';
import { complaints, save, table } from './report.ts';
import { runScenario } from './runner.ts';
import { SCENARIOS } from './scenarios/index.ts';

const USAGE = `npm run test:faults -- [options]
  --short        each scenario once, at least 1,000 envelopes, ten minutes in all
  --only NAMES   these scenarios alone, with commas between
  --runs N       each so often, every time with another seed
  --seed S       the first seed; printed, so that a failure can be replayed
  --minutes N    how long the scenario everything goes on
  --list         says which scenarios there are
  --main FILE    the relay to test: another build's cli/main.js`;

// Servers are ended at `exit`, which a signal alone does not bring about.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    list: { type: 'boolean', default: false },
    main: { type: 'string' },
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
  const firstSeed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const outcomes: Outcome[] = [];
  for (const scenario of chosen(values.only)) {
    for (let run = 0; run < Number(values.runs); run += 1) {
      const seed = firstSeed + run;
      console.log(`\n${scenario.name} (seed ${seed}): ${scenario.what}`);
      const log = (line: string) => console.log(line);
      const outcome = await runScenario(scenario, { seed, short: values.short, minutes, main, log });
      outcomes.push(outcome);
      console.log(`  ${outcome.passed ? 'pass' : 'FAIL'}; plot: ${save(join(folder, 'results'), outcome)}`);
    }
  }
  const said = outcomes.filter(({ passed }) => !passed).flatMap(complaints);
  console.log(`\n${table(outcomes)}\n${said.length === 0 ? '' : `\n${said.join('\n')}\n`}`);
  const failed = outcomes.filter(({ passed }) => !passed).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function chosen(only: string | undefined) {
  if (only === undefined) return SCENARIOS;
  return only.split(',').map((name) => {
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}; --list says which there are`);
    return scenario;
  });
}
