/**
 * How far it goes: connections held, nodes added, Redis split, mailboxes filled. One mode a run; prints progress, then
 * the figures, and writes them to .cache/scale/<mode>.json.
 *
 *   node loadtest/run.mjs scale/main.ts connections --connections 50000 --hold 600
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureVerify } from '../bench/verify-cost.ts';
import { machine } from '../support/machine.ts';
import { say } from '../support/say.ts';
import { MODES, type Mode, type Values } from './modes.ts';
import { Impossible, whole } from './parameters.ts';

const OPTIONS = {
  /** Each mode says in modes.ts which of these it takes. */
  connections: { type: 'string', default: '10000' },
  nodes: { type: 'string' },
  hold: { type: 'string', default: '30' },
  talk: { type: 'string', default: '10' },
  rate: { type: 'string', default: '1000' },
  backlog: { type: 'string', default: '20000' },
  protocol: { type: 'string', default: '1' },
  'at-once': { type: 'string', default: '100' },
  mailboxes: { type: 'string', default: '100000' },
  each: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '6' },
  pairs: { type: 'string' },
  shards: { type: 'string', default: '1,3,6' },
  runs: { type: 'string', default: '1' },
  /** Of the result, in .cache/scale; the mode's own if not said. */
  name: { type: 'string' },
} as const;

try {
  await main();
} catch (error) {
  if (!(error instanceof Impossible)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: OPTIONS,
    allowPositionals: true,
  });
  const [name = 'connections'] = positionals;
  switch (name) {
    case 'connections':
      return run({ name, mode: MODES.connections, values });
    case 'mailboxes':
      return run({ name, mode: MODES.mailboxes, values });
    case 'nodes':
    case 'shards':
      return run({ name, mode: MODES[name], values });
    default:
      throw new Impossible(`${name}: there are the modes ${Object.keys(MODES).join(', ')}`);
  }
}

async function run<Plan, Result>(order: {
  readonly name: string;
  readonly mode: Mode<Plan, Result>;
  readonly values: Values;
}): Promise<void> {
  const { name, mode, values } = order;
  const plan = mode.plan(values);
  const runs: Result[] = [];
  const verifyUs: number[] = [];
  const loadAverage = loadavg()[0] ?? 0;
  const count = whole('runs', values.runs ?? '', { min: 1, max: 100 });
  for (let number = 1; number <= count; number += 1) {
    if (count > 1) say(`run ${number} of ${count}`);
    verifyUs.push(measureVerify(200));
    runs.push(await mode.measure(plan));
  }
  const folder = resolve('.cache/scale');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${values.name ?? name}.json`);
  const report = { mode: name, machine: machine(), loadAverage, plan, verifyUs, runs };
  writeFileSync(file, JSON.stringify(report, null, 2));
  const verifies = verifyUs.map((us) => us.toFixed(1)).join(', ');
  console.log(`\n${report.machine}, load average ${loadAverage.toFixed(1)}; one verify ${verifies} µs`);
  for (const result of runs) {
    console.table(mode.rows(result));
    if (!mode.holds(result)) process.exitCode = 1;
  }
  console.log(`All of it: ${file}`);
}
