import { median } from '../support/median.ts';
import type { Figures } from './figures.ts';

/**
 * Processor time of one envelope, in verifies, for a process that has `rate` of them a second: what each takes by
 * itself, and what waking a process takes, which those share that arrive meanwhile:
 *
 *   each + wake / (1 + rate / shareRate) + apart
 *
 * `apart` is added where every envelope comes on a connection of its own, whose state is in no cache.
 */
export interface Cost {
  readonly each: number;
  readonly wake: number;
  readonly apart: number;
  /** Envelopes a second for one process at which half of a wake-up is shared. */
  readonly shareRate: number;
  /** The highest rate that it was fitted to. Beyond that nothing is promised to become cheaper. */
  readonly rateMost: number;
}

interface Point {
  readonly rate: number;
  readonly apart: boolean;
  readonly cost: number;
}

export interface Check {
  readonly run: string;
  readonly measuredUs: number;
  readonly predictedUs: number;
}

export interface Model {
  readonly verifyUs: number;
  readonly nodes: Cost;
  readonly redis: Cost;
  /** How many measured points it was fitted to, and the largest error there, as a share. */
  readonly points: number;
  readonly worstFit: number;
  readonly checks: readonly Check[];
  /** Largest error of the checks, as a share. */
  readonly worstCheck: number;
  /** In verifies: one connect; per second an idle connection. */
  readonly connect: { readonly nodes: number; readonly redis: number };
  readonly idle: { readonly nodes: number; readonly redis: number };
}

export function costOf(cost: Cost, at: { rate: number; apart: boolean }): number {
  const rate = Math.min(at.rate, cost.rateMost);
  return cost.each + cost.wake / (1 + rate / cost.shareRate) + (at.apart ? cost.apart : 0);
}

/** Fitted to the benchmark at all its rates and to the connections that talk; checked against what is in neither. */
export function fitModel(figures: Figures): Model {
  const { bench, connections, hold } = figures;
  const idle = median(connections.runs.map((run, n) => run.hold.nodesUs / verifyOf(connections, n)));
  const idleRedis = median(connections.runs.map((run, n) => run.hold.redisUs / verifyOf(connections, n)));
  const pointsOf = (which: 'nodes' | 'redis'): Point[] => [
    ...bench.phases.map(({ perSecond, cpuUs }) => ({
      rate: which === 'nodes' ? perSecond / bench.nodes : perSecond,
      apart: false,
      cost: cpuUs[which] / bench.verifyUs,
    })),
    ...connections.runs.map(({ talk }, n) => {
      const { rate, connections: count, nodes } = connections.plan;
      // What the connections cost all the same is not the envelopes'.
      const idleCost = ((which === 'nodes' ? idle : idleRedis) * count) / rate;
      const us = which === 'nodes' ? talk.nodesUs : talk.redisUs;
      return {
        rate: which === 'nodes' ? rate / nodes : rate,
        apart: true,
        cost: us / verifyOf(connections, n) - idleCost,
      };
    }),
  ];
  const points = { nodes: pointsOf('nodes'), redis: pointsOf('redis') };
  const nodes = fitCost(points.nodes);
  const redis = fitCost(points.redis);
  const errors = [
    ...points.nodes.map((point) => costOf(nodes, point) / point.cost - 1),
    ...points.redis.map((point) => costOf(redis, point) / point.cost - 1),
  ];
  const predict = (run: { rate: number; nodes: number; connections: number; apart: boolean }) => {
    const ofNodes = costOf(nodes, { rate: run.rate / run.nodes, apart: run.apart });
    const ofRedis = costOf(redis, { rate: run.rate, apart: run.apart });
    return ofNodes + ofRedis + ((idle + idleRedis) * run.connections) / run.rate;
  };
  const holdTalk = hold.runs[0]?.talk;
  const checks: Check[] = bench.spread.map(({ nodes: count, open }) => ({
    run: `${count} node${count === 1 ? '' : 's'}, ${Math.round(open.perSecond)} envelopes a second, few connections`,
    measuredUs: open.nodesUs + open.redisUs,
    predictedUs:
      predict({ rate: open.perSecond, nodes: count, connections: 0, apart: false }) * bench.verifyUs,
  }));
  if (holdTalk !== undefined)
    checks.push({
      run: `${hold.plan.nodes} nodes, ${hold.plan.rate} envelopes a second, ${hold.plan.connections} connections`,
      measuredUs: holdTalk.nodesUs + holdTalk.redisUs,
      predictedUs: predict({ ...hold.plan, apart: true }) * verifyOf(hold, 0),
    });
  return {
    verifyUs: bench.verifyUs,
    nodes,
    redis,
    points: errors.length,
    worstFit: Math.max(...errors.map(Math.abs)),
    checks,
    worstCheck: Math.max(...checks.map((check) => Math.abs(check.predictedUs / check.measuredUs - 1))),
    connect: {
      nodes: median(connections.runs.map(({ again }, n) => again.nodeUs / verifyOf(connections, n))),
      redis: median(connections.runs.map(({ again }, n) => again.redisUs / verifyOf(connections, n))),
    },
    idle: { nodes: idle, redis: idleRedis },
  };
}

function verifyOf({ verifyUs }: { readonly verifyUs: readonly number[] }, run: number): number {
  return verifyUs[run] ?? Number.NaN;
}

const SHARE_RATES = Array.from({ length: 120 }, (_, n) => 10 * 1.08 ** n);

/** Least squares of relative errors; `shareRate` by trying many, the rest is linear. No part may be negative. */
export function fitCost(points: readonly Point[]): Cost {
  const rateMost = Math.max(...points.map(({ rate }) => rate));
  let best: { cost: Cost; error: number } | null = null;
  for (const shareRate of SHARE_RATES) {
    const row = ({ rate, apart }: Point) => [1, 1 / (1 + rate / shareRate), apart ? 1 : 0];
    const [each = 0, wake = 0, apart = 0] = leastSquares(
      points.map((point) => row(point).map((x) => x / point.cost)),
    );
    if (each < 0 || wake < 0) continue;
    const cost = { each, wake, apart: Math.max(0, apart), shareRate, rateMost };
    const error = points.reduce((sum, point) => sum + (costOf(cost, point) / point.cost - 1) ** 2, 0);
    if (best === null || error < best.error) best = { cost, error };
  }
  if (best === null) throw new Error('no model fits: an envelope costs less at low rates in these figures');
  return best.cost;
}

/** The x for which each row times x is nearest to 1. */
function leastSquares(rows: readonly (readonly number[])[]): number[] {
  const size = rows[0]?.length ?? 0;
  const index = Array.from({ length: size }, (_, n) => n);
  const sum = (of: (row: readonly number[]) => number) => rows.reduce((total, row) => total + of(row), 0);
  const at = (row: readonly number[], n: number) => row[n] ?? 0;
  const matrix = index.map((i) => [
    ...index.map((j) => sum((row) => at(row, i) * at(row, j))),
    sum((row) => at(row, i)),
  ]);
  for (const pivot of index) {
    const own = matrix[pivot] ?? [];
    const scale = own[pivot] ?? 0;
    if (scale === 0) continue;
    for (const [other, row] of matrix.entries()) {
      if (other === pivot) continue;
      const factor = (row[pivot] ?? 0) / scale;
      for (let n = 0; n <= size; n += 1) row[n] = (row[n] ?? 0) - factor * (own[n] ?? 0);
    }
  }
  return index.map((n) => (matrix[n]?.[size] ?? 0) / (matrix[n]?.[n] || 1));
}
