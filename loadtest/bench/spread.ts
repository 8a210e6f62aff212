import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { say } from '../support/say.ts';
import { type Load, SIGNED_PER_S_MAX } from './load.ts';
import { Rig, startKeyrelay, startShards } from './rig.ts';

/** On the way for each pair, when the load is closed. */
const OUTSTANDING = 8;
/** Not closed: with many pairs, some would use up what was signed for them. */
const WARM_UP: Load = { mode: 'open', perSecond: 6_000, seconds: 6 };
const IDLE_MS = 3_000;

export interface SpreadPlan {
  readonly steps: readonly SpreadSetup[];
  readonly seconds: number;
  /** Also at full load. */
  readonly full: boolean;
}

interface SpreadSetup {
  readonly nodes: number;
  /** Redis servers; more than one: a Cluster. */
  readonly shards: number;
  readonly pairs: number;
  /** Open loop: envelopes a second, all together. */
  readonly perSecond: number;
}

interface Loaded {
  readonly perSecond: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time for one envelope. */
  readonly nodesUs: number;
  readonly redisUs: number;
  /** Of the Redis time: the share of the shard that had most, 1 / shards at best. */
  readonly busiestShard: number;
}

export interface SpreadStep {
  readonly nodes: number;
  readonly shards: number;
  /** Processor time per second without envelopes. */
  readonly idleUsPerS: number;
  readonly open: Loaded;
  /** Only if it was wanted. */
  readonly closed?: Loaded;
}

export interface SpreadResult {
  readonly steps: readonly SpreadStep[];
}

/**
 * How many times the one server a Cluster is worth, if the load for each server was the same: by the share of the busiest,
 * and by what an envelope costs. Where it costs less (a busier machine wakes up less often), that is no gain.
 */
export function worthOf({ steps }: SpreadResult, shards: number): number {
  const of = (count: number) => steps.find((step) => step.shards === count)?.open;
  const [one, split] = [of(1), of(shards)];
  if (one === undefined || split === undefined) return Number.NaN;
  return 1 / (split.busiestShard * Math.max(1, split.redisUs / one.redisUs));
}

/** The benchmark's load on more and more nodes, or on Redis in more and more parts. */
export async function measureSpread(plan: SpreadPlan): Promise<SpreadResult> {
  const steps: SpreadStep[] = [];
  for (const setup of plan.steps) {
    say(`${setup.nodes} nodes, ${setup.shards} Redis …`);
    const step = await measureStep(setup, plan);
    const full =
      step.closed === undefined ? '' : `, ${Math.round(step.closed.perSecond)} a second at full load`;
    say(`  ${Math.round(step.open.nodesUs + step.open.redisUs)} µs for an envelope${full}`);
    steps.push(step);
  }
  return { steps };
}

async function measureStep(
  { nodes, shards, pairs, perSecond }: SpreadSetup,
  { seconds, full }: SpreadPlan,
): Promise<SpreadStep> {
  const rig = await Rig.start({
    nodes,
    store: await startShards(shards),
    workers: 1,
    startNode: (redisUrl, number) => startKeyrelay({ redisUrl, number, profileFolder: null }),
  });
  try {
    await rig.connect({ count: pairs, payloadBytes: 100, protocol: 1, dialect: null });
    await load(rig, WARM_UP);
    const before = rig.cpu();
    await new Promise((done) => setTimeout(done, IDLE_MS));
    const after = rig.cpu();
    return {
      nodes,
      shards,
      idleUsPerS: ((after.nodes + after.redis - before.nodes - before.redis) * 1000) / IDLE_MS,
      open: await load(rig, { mode: 'open', perSecond, seconds }),
      ...(full ? { closed: await load(rig, { mode: 'closed', outstanding: OUTSTANDING, seconds }) } : {}),
    };
  } finally {
    await rig.stop();
  }
}

async function load(rig: Rig, load: Load): Promise<Loaded> {
  const perSecond = load.mode === 'open' ? load.perSecond * 1.05 : SIGNED_PER_S_MAX;
  await rig.run({ do: 'sign', envelopes: perSecond * load.seconds });
  const before = rig.cpu();
  const [result] = await rig.run({ do: 'run', load });
  const after = rig.cpu();
  if (result === undefined) throw new Error('no client process answered');
  const [first] = result.errors;
  if (first !== undefined) throw new Error(first);
  const latencies = decodeFromCompressedBase64(result.latencies) as Histogram;
  const shards = after.shards.map((us, shard) => us - (before.shards[shard] ?? 0));
  return {
    perSecond: result.received / load.seconds,
    missing: result.sent - result.received,
    p50Ms: latencies.getValueAtPercentile(50) / 1000,
    p99Ms: latencies.getValueAtPercentile(99) / 1000,
    nodesUs: (after.nodes - before.nodes) / result.received,
    redisUs: (after.redis - before.redis) / result.received,
    busiestShard: Math.max(...shards) / (after.redis - before.redis),
  };
}
