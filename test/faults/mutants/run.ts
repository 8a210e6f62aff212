import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULT_NAMES } from '../checker/checker.ts';
import { build, mainOf } from '../harness/build.ts';
import { runScenario } from '../harness/runner.ts';
import type { Outcome } from '../harness/trial.ts';
import { missedOnlyTime, resultOf } from '../report/results.ts';
import { SCENARIOS } from '../scenarios/index.ts';
import { MUTATIONS } from './engine-mutations.ts';
import { type MutantResult, type Mutation, placesOf } from './mutation.ts';

/**
 * Breaks the relay in one way at a time and shows that the suite notices. The unbroken relay must pass the same
 * scenarios first, or being caught would mean nothing.
 */
// Servers are ended at `exit`, which a signal alone does not bring about.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { values } = parseArgs({
  options: {
    /** A part of a mutant's name; may be given several times. */
    only: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    dist: { type: 'string' },
    results: { type: 'string', default: '.cache/faults/mutants.json' },
  },
});

const folder = resolve('.cache/faults');
const dist = values.dist === undefined ? build(join(folder, 'build')) : resolve(values.dist);
const seed = Number(values.seed);

/** A copy of the build with one thing broken. @returns its cli/main.js */
function breakOne(mutation: Mutation, index: number): string {
  const home = join(folder, 'mutants', String(index));
  rmSync(home, { recursive: true, force: true });
  cpSync(dist, join(home, 'dist'), { recursive: true });
  cpSync('package.json', join(home, 'package.json'));
  for (const { file, from, to } of placesOf(mutation)) {
    const path = join(home, 'dist', file);
    const text = readFileSync(path, 'utf8');
    const places = text.split(from).length - 1;
    if (places !== 1)
      throw new Error(`${mutation.name}: its text stands ${places} times in ${file}: ${from}`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  return mainOf(join(home, 'dist'));
}

async function run(name: string, main: string): Promise<Outcome> {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return runScenario(scenario, { seed, short: true, main });
}

/** What gave it away. */
function evidence({ verdict, rules }: Outcome): string {
  const faults = FAULT_NAMES.filter((name) => verdict.counts[name] > 0).map(
    (name) => `${name} ${verdict.counts[name]}`,
  );
  const broken = rules
    .filter(({ passed }) => !passed)
    .map(({ text, measured }) => `${text}: ${measured.split('\n')[0]}`);
  const small = verdict.result === 'unknown' ? [`only ${verdict.counts.accepted} accepted`] : [];
  return [...faults, ...broken, ...small].join('; ').slice(0, 160);
}

function said({ name, tried, caughtBy, evidence: how }: MutantResult): string {
  if (caughtBy !== null) return `caught    ${name} → ${caughtBy}: ${how}`;
  return tried.length > 0 ? `SURVIVES  ${name} (${tried.join(', ')})` : `NOT TRIED ${name}: see above`;
}

const chosen = MUTATIONS.filter(({ name }) => values.only?.some((part) => name.includes(part)) ?? true);
// All texts are looked for before anything runs.
const mains = chosen.map(breakOne);

const sound = new Set<string>();
for (const name of new Set(chosen.flatMap(({ scenarios }) => scenarios))) {
  let outcome = await run(name, mainOf(dist));
  // As in any other run of the suite.
  if (missedOnlyTime(resultOf(outcome))) outcome = await run(name, mainOf(dist));
  if (outcome.passed) sound.add(name);
  console.log(`unbroken · ${name}: ${outcome.passed ? 'pass' : `FAIL (${evidence(outcome)})`}`);
}

const rows: MutantResult[] = [];
for (const [index, { name, scenarios }] of chosen.entries()) {
  const tried = scenarios.filter((scenario) => sound.has(scenario));
  let row: MutantResult = { name, tried, caughtBy: null, evidence: '' };
  for (const scenario of tried) {
    const outcome = await run(scenario, mains[index] ?? '');
    if (outcome.passed) continue;
    row = { ...row, caughtBy: scenario, evidence: evidence(outcome) };
    break;
  }
  rows.push(row);
  console.log(said(row));
  writeFileSync(resolve(values.results), `${JSON.stringify({ seed, rows }, null, 2)}\n`);
}
const survivors = rows.filter(({ caughtBy }) => caughtBy === null).length;
console.log(`\n${rows.length - survivors} of ${rows.length} caught`);
process.exit(survivors === 0 ? 0 : 1);
