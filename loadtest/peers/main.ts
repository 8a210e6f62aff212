/**
 * The same envelopes through what one might use instead, on one machine in one run. Prints a table, writes
 * .cache/peers/report.json.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { Rig } from '../bench/rig.ts';
import { measureVerify } from '../bench/verify-cost.ts';
import { machine as thisMachine } from '../support/machine.ts';
import { median } from '../support/median.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import { buildGoProgram, hasGo, installPackages, isGoProgram, REPORT_FILE } from './install.ts';
import { type PeerFigures, type PeerRun, type PeersReport, peersPlot } from './report.ts';
import { shapeOf } from './servers.ts';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    seconds: { type: 'string', default: '4' },
    runs: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '32' },
    /** Offered to all alike; closed loop besides. */
    rate: { type: 'string', default: '2000' },
    payload: { type: 'string', default: '100' },
    /** Contenders whose name begins so; several may be named: --only keyrelay --only NATS. */
    only: { type: 'string', multiple: true, default: [''] },
    /** Writes the plot to this file. */
    image: { type: 'string' },
  },
});
const OUTSTANDING = 8;
/** Some of those that verify nothing carry more than `SIGNED_PER_S_MAX` of the bench. */
const SIGNED_PER_S_MAX = 60_000;
const seconds = Number(values.seconds);

const wanted = CONTENDERS.filter(({ name }) => values.only.some((start) => name.startsWith(start)));
if (wanted.length === 0)
  throw new Error(`--only: there are ${CONTENDERS.map(({ name }) => name).join(' · ')}`);
const contenders = install(wanted);
const loadAverage = loadavg()[0] ?? 0;
const runs: PeerRun[] = [];
// Turn by turn, so that what else happens on the machine meets all alike.
for (let round = 1; round <= Number(values.runs); round += 1) {
  for (const contender of contenders) {
    process.stderr.write(`${round}: ${contender.name} …\n`);
    runs.push(await measure(contender));
  }
}

const machine = thisMachine();
const rows = contenders.map((contender) => summarise(contender));
const report: PeersReport = { machine, loadAverage, settings: values, contenders, runs };
writeFileSync(REPORT_FILE, JSON.stringify(report, null, 2));
console.log(`\n${machine}, load average ${loadAverage.toFixed(1)}; medians of ${values.runs} runs`);
console.table(rows);
console.log('µs: processor time of nodes and Redis for one envelope. Each run: .cache/peers/report.json');
if (values.image !== undefined) writeFileSync(values.image, peersPlot(report));
if (runs.some(({ closed, open }) => closed.missing + open.missing > 0)) process.exitCode = 1;

/** Those that can run here. */
function install(chosen: readonly Contender[]): readonly Contender[] {
  const say = (line: string) => console.log(line);
  const go = hasGo();
  const able = chosen.filter(({ program }) => go || program === null || !isGoProgram(program));
  const left = chosen.filter((contender) => !able.includes(contender));
  if (left.length > 0) say(`no Go compiler: without ${left.map(({ name }) => name).join(', ')}`);
  const programs = able.flatMap(({ program }) => (program === null ? [] : [program]));
  if (programs.some((program) => !isGoProgram(program))) installPackages(say);
  for (const program of programs) if (isGoProgram(program)) buildGoProgram(program, say);
  return able;
}

async function measure(contender: Contender): Promise<PeerRun> {
  const rig = await Rig.start({ workers: 1, ...(await shapeOf(contender)) });
  try {
    await rig.connect({
      count: Number(values.pairs),
      payloadBytes: Number(values.payload),
      protocol: 1,
      dialect: contender.dialect,
    });
    // Until compiled: the cost of a cold program is not what is compared.
    await load(rig, 'closed');
    await load(rig, 'closed');
    return {
      contender: contender.name,
      verifyUs: measureVerify(Number(values.payload) + 100),
      closed: await load(rig, 'closed'),
      open: await load(rig, 'open'),
    };
  } finally {
    await rig.stop();
  }
}

async function load(rig: Rig, mode: 'closed' | 'open'): Promise<PeerFigures> {
  const perSecond = Number(values.rate);
  await rig.run({ do: 'sign', envelopes: (mode === 'open' ? perSecond * 1.05 : SIGNED_PER_S_MAX) * seconds });
  const before = rig.cpu();
  const [result] = await rig.run({
    do: 'run',
    load: mode === 'open' ? { mode, perSecond, seconds } : { mode, outstanding: OUTSTANDING, seconds },
  });
  const after = rig.cpu();
  if (result === undefined) throw new Error('no client process answered');
  for (const error of result.errors) console.error(`error: ${error}`);
  const latencies = decodeFromCompressedBase64(result.latencies) as Histogram;
  return {
    perSecond: result.received / seconds,
    missing: result.sent - result.received,
    p50Ms: latencies.getValueAtPercentile(50) / 1000,
    p99Ms: latencies.getValueAtPercentile(99) / 1000,
    nodesUs: (after.nodes - before.nodes) / result.received,
    redisUs: (after.redis - before.redis) / result.received,
  };
}

function summarise({ name, verifies, stores, confirms }: Contender): Record<string, string | number> {
  const own = runs.filter((run) => run.contender === name);
  const of = (figure: (run: PeerRun) => number) => median(own.map(figure));
  const cost = ({ nodesUs, redisUs }: PeerFigures) => nodesUs + redisUs;
  const costs = own.map(({ closed }) => cost(closed));
  return {
    name,
    verifies: verifies ? 'yes' : 'no',
    stores,
    confirms,
    'full: 1/s': Math.round(of(({ closed }) => closed.perSecond)),
    'full: µs': round(of(({ closed }) => cost(closed))),
    'from, to': `${round(Math.min(...costs))}, ${round(Math.max(...costs))}`,
    'full: / verify': round(
      of(({ closed, verifyUs }) => cost(closed) / verifyUs),
      2,
    ),
    [`${values.rate}/s: µs`]: round(of(({ open }) => cost(open))),
    [`${values.rate}/s: p50 ms`]: round(
      of(({ open }) => open.p50Ms),
      2,
    ),
    [`${values.rate}/s: p99 ms`]: round(
      of(({ open }) => open.p99Ms),
      2,
    ),
    missing: own.reduce((sum, { closed, open }) => sum + closed.missing + open.missing, 0),
  };
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
