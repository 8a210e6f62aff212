/**
 * Two or more builds, or one build under different settings, in turns in one run: the only way to compare on a machine
 * that is not alone. Processor time of nodes and Redis for an envelope, in verifies taken in the same run.
 *
 *   node loadtest/run.mjs bench/versus.ts --rounds 5 before=/old/dist/cli/main.js 'after=dist/cli/main.js RELAY_LOG_LEVEL=info'
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { median } from '../support/median.ts';
import { say } from '../support/say.ts';
import { type Load, SIGNED_PER_S_MAX } from './load.ts';
import { Rig, startKeyrelay, startShards } from './rig.ts';
import { measureVerify } from './verify-cost.ts';

const WARM_UP_S = 6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    /** Open loop, envelopes a second; closed loop comes first. */
    rates: { type: 'string', default: '1500,7500' },
    outstanding: { type: 'string', default: '8' },
    pairs: { type: 'string', default: '32' },
    payload: { type: 'string', default: '100' },
    protocol: { type: 'string', default: '1' },
    shards: { type: 'string', default: '1' },
  },
});
const seconds = Number(values.seconds);
const payloadBytes = Number(values.payload);
const loads: readonly Load[] = [
  { mode: 'closed', outstanding: Number(values.outstanding), seconds },
  ...values.rates
    .split(',')
    .filter(Boolean)
    .map((rate): Load => ({ mode: 'open', perSecond: Number(rate), seconds })),
];

interface Sample {
  readonly nodes: number;
  readonly redis: number;
  readonly verifies: number;
  readonly perSecond: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Variant {
  readonly name: string;
  readonly rig: Rig;
  /** By load. */
  readonly samples: Sample[][];
}

const variants: Variant[] = [];
try {
  for (const text of positionals) variants.push(await start(text));
  const [first] = variants;
  if (first === undefined)
    throw new Error('name at least one build: NAME=PATH/TO/cli/main.js [SETTING=VALUE …]');
  for (const { rig } of variants) await measure(rig, { mode: 'closed', outstanding: 8, seconds: WARM_UP_S });
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    say(`round ${round} of ${values.rounds} …`);
    // Back and forth, so that no variant is always the one after the pause.
    const order = round % 2 === 0 ? variants.toReversed() : variants;
    for (const [index, load] of loads.entries())
      for (const { rig, samples } of order) samples[index]?.push(await measure(rig, load));
  }
  console.table(loads.flatMap((load, index) => variants.map((variant) => row(load, index, variant, first))));
} finally {
  await Promise.all(variants.map(({ rig }) => rig.stop()));
}

/** @param text NAME=MAIN [SETTING=VALUE …] */
async function start(text: string): Promise<Variant> {
  const [build = '', ...settings] = text.split(' ');
  const [name = '', main = ''] = build.split(/=(.*)/, 2);
  const rig = await Rig.start({
    nodes: 2,
    workers: 1,
    store: await startShards(Number(values.shards)),
    startNode: (redisUrl, number) =>
      startKeyrelay({
        redisUrl,
        number,
        profileFolder: null,
        main: resolve(main),
        settings: Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/, 2))),
      }),
  });
  await rig.connect({
    count: Number(values.pairs),
    payloadBytes,
    protocol: values.protocol === '2' ? 2 : 1,
    dialect: null,
  });
  return { name, rig, samples: loads.map(() => []) };
}

async function measure(rig: Rig, load: Load): Promise<Sample> {
  const envelopes = (load.mode === 'open' ? load.perSecond * 1.05 : SIGNED_PER_S_MAX) * load.seconds;
  await rig.run({ do: 'sign', envelopes });
  const verifyUs = measureVerify(payloadBytes + 100);
  const before = rig.cpu();
  const results = await rig.run({ do: 'run', load });
  const after = rig.cpu();
  const sum = (of: 'sent' | 'received') => results.reduce((total, result) => total + result[of], 0);
  const received = sum('received');
  const latencies = decodeFromCompressedBase64(results[0]?.latencies ?? '');
  const nodes = (after.nodes - before.nodes) / received;
  const redis = (after.redis - before.redis) / received;
  return {
    nodes,
    redis,
    verifies: (nodes + redis) / Math.min(verifyUs, measureVerify(payloadBytes + 100)),
    perSecond: received / load.seconds,
    missing: sum('sent') - received,
    p50Ms: latencies.getValueAtPercentile(50) / 1000,
    p99Ms: latencies.getValueAtPercentile(99) / 1000,
  };
}

function row(load: Load, index: number, { name, samples }: Variant, first: Variant) {
  const mine = samples[index] ?? [];
  const other = first.samples[index] ?? [];
  const of = (figure: keyof Sample, digits: number) =>
    Number(median(mine.map((sample) => sample[figure])).toFixed(digits));
  const ratios = mine.map(({ nodes, redis }, round) => {
    const against = other[round];
    return against === undefined ? 1 : (nodes + redis) / (against.nodes + against.redis);
  });
  return {
    load: load.mode === 'open' ? `${load.perSecond}/s` : 'closed loop',
    name,
    'envelopes/s': of('perSecond', 0),
    'nodes, µs': of('nodes', 1),
    'Redis, µs': of('redis', 1),
    verifies: of('verifies', 2),
    [`against ${first.name}`]: Number(median(ratios).toFixed(3)),
    'p50, ms': of('p50Ms', 2),
    'p99, ms': of('p99Ms', 2),
    missing: mine.reduce((total, { missing }) => total + missing, 0),
  };
}
