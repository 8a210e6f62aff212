/**
 * Load scenarios against a running relay, or one that is started here. Prints stages and verdicts, writes
 * .cache/scenarios/<name>.json and .html; ends with 1 if a threshold did not hold.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Couple } from './couple.ts';
import { drive } from './drive.ts';
import { Ledger } from './ledger.ts';
import { startLocal } from './local.ts';
import { isScenario, SCENARIOS, type Scenario } from './plan.ts';
import { page } from './report.ts';
import { judge } from './verdict.ts';

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    /** WebSocket URL of a relay, `ws://…/ws` or `wss://…/ws`; twice: senders here, recipients there. */
    url: { type: 'string', multiple: true },
    nodes: { type: 'string', default: '2' },
    pairs: { type: 'string', default: '50' },
    /** Envelopes per second of an average day, all pairs together. */
    rate: { type: 'string', default: '200' },
    /** Multiplies every length of time. */
    time: { type: 'string', default: '1' },
    payload: { type: 'string', default: '300' },
    protocol: { type: 'string', default: '2' },
  },
});

const [name] = positionals;
if (!isScenario(name)) {
  console.error('which scenario?\n');
  for (const [each, { about }] of Object.entries(SCENARIOS)) console.error(`  ${each.padEnd(16)} ${about}`);
  process.exit(2);
}
const time = Number(values.time);
const planned: Scenario = SCENARIOS[name];
const scenario: Scenario = {
  ...planned,
  stages: planned.stages.map((stage) => ({ ...stage, seconds: stage.seconds * time })),
};
const protocol = values.protocol === '1' ? 1 : 2;
const local = values.url === undefined ? await startLocal(Number(values.nodes)) : null;
const urls = local?.urls ?? values.url ?? [];
const ledger = new Ledger(scenario.stages);
const couples: Couple[] = [];
try {
  const dial = (index: number) => ({ url: urls[index % urls.length] ?? '', protocol }) as const;
  console.log(`${name}: ${scenario.about}\n${values.pairs} pairs at ${urls.join(', ')}`);
  for (let n = 0; n < Number(values.pairs); n += 1) {
    couples.push(
      await Couple.open({ from: dial(n), to: dial(n + 1), payloadBytes: Number(values.payload), ledger }),
    );
  }
  const outcome = await drive({
    scenario,
    couples,
    ledger,
    rate: Number(values.rate),
    onSecond: ({ second, due, received, p99Ms, underway, connected, lateMs }, stage) => {
      if (second % 5 !== 0) return;
      console.log(
        `${`${second} s`.padStart(6)}  ${stage.padEnd(14)} due ${due}/s, received ${received}/s, p99 ${p99Ms.toFixed(1)} ms, underway ${underway}, connected ${connected}, sent late by ${lateMs.toFixed(0)} ms`,
      );
    },
  });
  const missing = couples.reduce((sum, couple) => sum + couple.missing, 0);
  const verdicts = judge({ scenario, ledger, outcome, missing });
  print();
  for (const { held, threshold, found } of verdicts)
    console.log(`${held ? 'held  ' : 'BROKEN'}  ${threshold}: ${found}`);
  const folder = resolve('.cache/scenarios');
  mkdirSync(folder, { recursive: true });
  const result = {
    name,
    urls,
    settings: values,
    outcome,
    verdicts,
    stages: ledger.stages(),
    seconds: ledger.seconds,
  };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(result, null, 2));
  writeFileSync(
    join(folder, `${name}.html`),
    page({ name, about: scenario.about, verdicts, seconds: ledger.seconds }),
  );
  console.log(`\nSecond by second: .cache/scenarios/${name}.html`);
  if (verdicts.some(({ held }) => !held)) process.exitCode = 1;
} finally {
  for (const couple of couples) couple.end();
  await local?.stop();
}

function print(): void {
  console.table(
    ledger.stages().map((stage) => ({
      stage: stage.name,
      'due/s': stage.perSecond,
      due: stage.due,
      received: stage.received,
      refused: stage.refused,
      'p50 ms': Number(stage.p50Ms.toFixed(2)),
      'p95 ms': Number(stage.p95Ms.toFixed(2)),
      'p99 ms': Number(stage.p99Ms.toFixed(2)),
      'max ms': Number(stage.maxMs.toFixed(2)),
    })),
  );
  console.log(`repeated after a reconnect: ${ledger.repeats}`);
  for (const [code, count] of ledger.closes) console.log(`closed by the relay with ${code}: ${count}`);
  for (const reason of [...ledger.refusedLogins].slice(0, 5))
    console.log(`a login failed at first: ${reason}`);
}
