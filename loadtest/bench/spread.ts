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
}

/** Also at full load. */
export interface FullSpreadStep extends SpreadStep {
  readonly closed: Loaded;
}

export interface SpreadResult<Step extends SpreadStep = SpreadStep> {
  readonly steps: readonly Step[];
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
export function measureSpread(plan: SpreadPlan): Promise<SpreadResult> {
  return measureSteps(plan, async () => ({}));
}

/** The same, and then at full load. */
export function measureFullSpread(plan: SpreadPlan): Promise<SpreadResult<FullSpreadStep>> {
  const { seconds } = plan;
  return measureSteps(plan, async (rig) => {
    const closed = await load(rig, { mode: 'closed', outstanding: OUTSTANDING, seconds });
    say(`  ${Math.round(closed.perSecond)} a second at full load`);
    return { closed };
  });
}

async function measureSteps<More extends object>(
  plan: SpreadPlan,
  more: (rig: Rig) => Promise<More>,
): Promise<{ readonly steps: readonly (SpreadStep & More)[] }> {
  const steps: (SpreadStep & More)[] = [];
  for (const setup of plan.steps) {
    say(`${setup.nodes} nodes, ${setup.shards} Redis …`);
    steps.push(await measureStep(setup, plan.seconds, more));
  }
  return { steps };
}

async function measureStep<More extends object>(
  { nodes, shards, pairs, perSecond }: SpreadSetup,
  seconds: number,
  more: (rig: Rig) => Promise<More>,
): Promise<SpreadStep & More> {
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
    const idleUsPerS = ((after.nodes + after.redis - before.nodes - before.redis) * 1000) / IDLE_MS;
    const open = await load(rig, { mode: 'open', perSecond, seconds });
    say(`  ${Math.round(open.nodesUs + open.redisUs)} µs for an envelope`);
    return { nodes, shards, idleUsPerS, open, ...(await more(rig)) };
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
