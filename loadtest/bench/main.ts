/**
 * The reference benchmark: real nodes, a real Redis, clients in processes of their own. Prints a table, writes
 * .cache/bench/report.html and report.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { machine as thisMachine } from '../support/machine.ts';
import { median } from '../support/median.ts';
import { say } from '../support/say.ts';
import { type Load, type LoadResult, SIGNED_PER_S_MAX } from './load.ts';
import { html, type Phase, plots, type Report, stepNames, stepUs, type Waking } from './report.ts';
import { Rig, startKeyrelay, startShards, type Wakeful } from './rig.ts';
import { measureFullSpread } from './spread.ts';
import { measureSteps, type StepsPlan } from './steps.ts';
import { measureVerify } from './verify-cost.ts';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    seconds: { type: 'string', default: '6' },
    runs: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '2' },
    pairs: { type: 'string', default: '32' },
    payload: { type: 'string', default: '100' },
    protocol: { type: 'string', default: '1' },
    /** Open loop at these shares of what closed loop reached. */
    shares: { type: 'string', default: '0.1,0.25,0.5,0.75,0.9' },
    /** Writes a .cpuprofile of each node to .cache/bench when it ends. */
    profile: { type: 'boolean', default: false },
    /** The load of one node, on so many nodes, in turns; none if empty. */
    spread: { type: 'string', default: '1,2,3' },
    /** Also writes the plots as files to this folder. */
    images: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const payloadBytes = Number(values.payload);
const CLOSED = 'closed loop';
/** Closed loop: on the way for each pair. */
const OUTSTANDING = 8;
/** Until V8 has compiled what is hot: before that an envelope costs a quarter more. */
const WARM_UP_S = 10;
const IDLE_MS = 3_000;
const PROFILED_S_MAX = 5;
const SPREAD_S_MAX = 6;
const PAIRS_PER_NODE = 16;
const RATE_PER_NODE = 1_000;
const shares = values.shares.split(',').filter(Boolean).map(Number);

/** The loads whose cost is split by step: a tenth, half, full. */
const SPLIT = [openName(0.1), openName(0.5), CLOSED];
const phases: Phase[] = [];
const waking: Waking[] = [];
const verifyUs: number[] = [];
const idleUsPerS: number[] = [];
const loadAverage = loadavg()[0] ?? 0;
const folder = resolve('.cache/bench');
mkdirSync(folder, { recursive: true });
const rig = await Rig.start({
  nodes: Number(values.nodes),
  workers: 1,
  store: await startShards(1),
  startNode: (redisUrl, number) =>
    startKeyrelay({ redisUrl, number, profileFolder: values.profile ? folder : null }),
});
try {
  await rig.connect({
    count: Number(values.pairs),
    payloadBytes,
    protocol: values.protocol === '2' ? 2 : 1,
    dialect: null,
  });
  await measure('warm-up', { mode: 'closed', outstanding: OUTSTANDING, seconds: WARM_UP_S });
  phases.length = 0;
  waking.length = 0;
  if (values.profile) rig.toggleProfiles();
  for (let run = 1; run <= Number(values.runs); run += 1) {
    verifyUs.push(measureVerify(payloadBytes + 100));
    idleUsPerS.push(await measureIdle());
    const closed = await measure(CLOSED, { mode: 'closed', outstanding: OUTSTANDING, seconds });
    const capacity = closed.perSecond;
    for (const share of shares) {
      const perSecond = Math.max(10, Math.round(capacity * share));
      await measure(openName(share), { mode: 'open', perSecond, seconds });
    }
    verifyUs.push(measureVerify(payloadBytes + 100));
  }
} finally {
  await rig.stop();
}

// A profile to look at wants the reference load alone.
const alone = values.profile;
if (!alone) say('where the time goes …');
const steps = alone
  ? []
  : await measureSteps({
      pairs: Number(values.pairs),
      payloadBytes,
      seconds: Math.min(seconds, PROFILED_S_MAX),
      loads: splitLoads(),
    });
const counts = alone ? [] : values.spread.split(',').filter(Boolean).map(Number);
const spread = await measureFullSpread({
  steps: counts.map((nodes) => ({
    nodes,
    shards: 1,
    pairs: PAIRS_PER_NODE * nodes,
    perSecond: RATE_PER_NODE * nodes,
  })),
  seconds: Math.min(seconds, SPREAD_S_MAX),
});

const report: Report = {
  machine: thisMachine(),
  settings: `${values.nodes} nodes, one Redis, ${values.pairs} pairs, ${payloadBytes} bytes of payload, protocol ${values.protocol}`,
  nodes: Number(values.nodes),
  verifyUs: median(verifyUs),
  idleUsPerS: median(idleUsPerS),
  loadAverage,
  phases,
  waking,
  steps,
  spread: spread.steps,
};
writeFileSync(join(folder, 'report.json'), JSON.stringify(report, null, 2));
writeFileSync(join(folder, 'report.html'), html(report));
if (values.images !== undefined) {
  mkdirSync(values.images, { recursive: true });
  for (const [name, svg] of Object.entries(plots(report)))
    writeFileSync(join(values.images, `bench-${name}.svg`), svg);
}
print(report);
console.log(`\nPlots: ${join('.cache/bench', 'report.html')}; figures: report.json beside it.`);
const missing = phases.reduce((sum, { sent, received }) => sum + sent - received, 0);
if (missing > 0) {
  console.error(`${missing} envelopes did not arrive`);
  process.exitCode = 1;
}

async function measure(name: string, load: Load): Promise<Phase> {
  const wanted =
    load.mode === 'open' ? load.perSecond * load.seconds * 1.05 : SIGNED_PER_S_MAX * load.seconds;
  await rig.run({ do: 'sign', envelopes: wanted });
  say(`${name} …`);
  const before = rig.cpu();
  const wakefulBefore = rig.wakeful();
  const startedMs = performance.now();
  const results = await rig.run({ do: 'run', load });
  const elapsedS =
    load.mode === 'closed' ? load.seconds : Math.min(load.seconds, (performance.now() - startedMs) / 1000);
  const after = rig.cpu();
  const wakefulAfter = rig.wakeful();
  const phase = summarise({ name, load, results, elapsedS }, (which) => after[which] - before[which]);
  phases.push(phase);
  const each = (which: 'nodes' | 'redis'): Wakeful => {
    const of = (what: keyof Wakeful) =>
      (wakefulAfter[which][what] - wakefulBefore[which][what]) / phase.received;
    return { userUs: of('userUs'), systemUs: of('systemUs'), sleeps: of('sleeps') };
  };
  waking.push({ load: name, nodes: each('nodes'), redis: each('redis') });
  return phase;
}

function openName(share: number): string {
  return `open loop, ${share * 100} %`;
}

/** Of the loads to split those that were measured. */
function splitLoads(): StepsPlan['loads'] {
  return SPLIT.flatMap((name) => {
    const runs = phases.filter((phase) => phase.name === name);
    if (runs.length === 0) return [];
    const cost = {
      nodesUs: median(runs.map(({ cpuUs }) => cpuUs.nodes)),
      redisUs: median(runs.map(({ cpuUs }) => cpuUs.redis)),
    };
    return [
      { name, perSecond: name === CLOSED ? null : median(runs.map(({ perSecond }) => perSecond)), cost },
    ];
  });
}

async function measureIdle(): Promise<number> {
  // What is left to collect and to compile is not idle.
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const before = rig.cpu();
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const after = rig.cpu();
  return (after.nodes + after.redis - before.nodes - before.redis) / (IDLE_MS / 1000);
}

function summarise(
  run: { name: string; load: Load; results: readonly LoadResult[]; elapsedS: number },
  usedUs: (which: 'nodes' | 'redis' | 'clients') => number,
): Phase {
  const received = run.results.reduce((sum, result) => sum + result.received, 0);
  const sent = run.results.reduce((sum, result) => sum + result.sent, 0);
  const histograms = run.results.map((result) => decodeFromCompressedBase64(result.latencies) as Histogram);
  const all = histograms[0];
  if (all === undefined) throw new Error('no client process answered');
  for (const more of histograms.slice(1)) all.add(more);
  const ms = (percentile: number) => all.getValueAtPercentile(percentile) / 1000;
  return {
    name: run.name,
    perSecond: Math.round(received / run.elapsedS),
    sent,
    received,
    errors: run.results.flatMap((result) => result.errors),
    latencyMs: [50, 75, 90, 95, 99, 99.9, 100].map((percentile) => ({ percentile, ms: ms(percentile) })),
    cpuUs: {
      nodes: usedUs('nodes') / received,
      redis: usedUs('redis') / received,
      clients: usedUs('clients') / received,
    },
  };
}

/** One row a phase; of several runs the median, and how far the runs lie apart. */
function print({ machine, settings, verifyUs: verify, idleUsPerS: idle, phases: all }: Report): void {
  console.log(`\n${machine}, load average ${loadAverage.toFixed(1)}\n${settings}`);
  console.log(`one verify: ${verify.toFixed(1)} µs of processor time`);
  console.log(`without envelopes: ${(idle / 1e4).toFixed(1)} % of one core, nodes and Redis together\n`);
  const rows = [...new Set(all.map(({ name }) => name))].map((name) => {
    const runs = all.filter((phase) => phase.name === name);
    const of = (figure: (phase: Phase) => number, digits: number) =>
      Number(median(runs.map(figure)).toFixed(digits));
    const cost = runs.map(({ cpuUs }) => (cpuUs.nodes + cpuUs.redis) / verify);
    return {
      load: name,
      'envelopes/s': of(({ perSecond }) => perSecond, 0),
      missing: runs.reduce((sum, { sent, received }) => sum + sent - received, 0),
      'p50 ms': of(({ latencyMs }) => at(latencyMs, 50), 2),
      'p99 ms': of(({ latencyMs }) => at(latencyMs, 99), 2),
      'nodes µs': of(({ cpuUs }) => cpuUs.nodes, 1),
      'redis µs': of(({ cpuUs }) => cpuUs.redis, 1),
      'clients µs': of(({ cpuUs }) => cpuUs.clients, 1),
      '(nodes + redis) / verify': Number(median(cost).toFixed(2)),
      'from, to': `${Math.min(...cost).toFixed(2)}, ${Math.max(...cost).toFixed(2)}`,
    };
  });
  console.table(rows);
  console.table(
    stepNames(steps).map((step) => ({
      'µs for an envelope': step,
      ...Object.fromEntries(steps.map((budget) => [budget.load, Number(stepUs(budget, step).toFixed(1))])),
    })),
  );
  console.table(
    spread.steps.map(({ nodes, open, closed }) => ({
      nodes,
      'offered, 1/s': Math.round(open.perSecond),
      'nodes + redis µs': Number((open.nodesUs + open.redisUs).toFixed(1)),
      'full, 1/s': Math.round(closed.perSecond),
    })),
  );
  for (const error of all.flatMap((phase) => phase.errors)) console.log(`error: ${error}`);
}

function at(latencies: Phase['latencyMs'], percentile: number): number {
  return Number((latencies.find((entry) => entry.percentile === percentile)?.ms ?? 0).toFixed(2));
}
