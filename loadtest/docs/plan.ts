import { median } from '../support/median.ts';
import { figure, table } from './blocks.ts';
import type { Figures } from './figures.ts';
import { type Cost, costOf, type Model } from './model.ts';

/** What is assumed of users and machines: stated in docs/scaling.md, to be replaced by yours. */
const ASSUMED = {
  connectedShare: 0.1,
  envelopeEveryS: 30,
  reconnectEveryS: 900,
  frameBytes: 1_000,
  /** Of a core: the rest is for what is not average. */
  busyMost: 0.5,
  connectionsOfNodeMost: 50_000,
  nodesLeast: 2,
  connectionsOfBalancer: 500_000,
  /** One core with 4 GB, rented by the month. */
  coreUsd: [15, 40],
} as const;

const USERS = [1e4, 1e6, 1e8];

/** What one installation needs. */
interface Needs {
  readonly connections: number;
  readonly envelopes: number;
  readonly connects: number;
  readonly nodes: number;
  readonly nodeCores: number;
  readonly shards: number;
  readonly redisCores: number;
}

export function planTable(figures: Figures, model: Model): string {
  const plans = USERS.map((users) => ({ users, ...needsOf(users, model) }));
  const busyBytes = median(figures.connections.runs.map((run) => run.busyBytes));
  const nodeBytes = median(figures.connections.runs.map((run) => run.emptyNodeBytes));
  const userBytes = median(figures.mailboxes.runs.map((run) => run.userBytes));
  const rows: readonly (readonly [string, (plan: (typeof plans)[number]) => string])[] = [
    ['connected at the peak', ({ connections }) => figure(connections)],
    ['envelopes a second', ({ envelopes }) => figure(envelopes)],
    ['connects a second', ({ connects }) => figure(connects)],
    ['cores at work in nodes', ({ nodeCores }) => figure(nodeCores)],
    ['nodes, a process and a core each', ({ nodes }) => figure(nodes)],
    [
      'memory of nodes, GB',
      ({ nodes, connections }) => figure((nodes * nodeBytes + connections * busyBytes) / 1e9),
    ],
    ['cores at work in Redis', ({ redisCores }) => figure(redisCores)],
    ['Redis shards, each with a replica', ({ shards }) => figure(shards)],
    ['Redis memory for users, GB', ({ users }) => figure((users * userBytes) / 1e9)],
    [
      'load balancers, two at least',
      ({ connections }) => figure(Math.max(2, Math.ceil(connections / ASSUMED.connectionsOfBalancer) + 1)),
    ],
    ['bandwidth between all, MB/s', ({ envelopes }) => figure((4 * envelopes * ASSUMED.frameBytes) / 1e6)],
    [
      `a month at ${ASSUMED.coreUsd.join(' to ')} USD a core, nodes and Redis`,
      ({ nodes, shards }) => ASSUMED.coreUsd.map((usd) => figure((nodes + 2 * shards) * usd)).join(' – '),
    ],
  ];
  return table(
    ['users', ...plans.map(({ users }) => figure(users))],
    rows.map(([what, of]) => [what, ...plans.map(of)]),
  );
}

function needsOf(users: number, model: Model): Needs {
  const connections = users * ASSUMED.connectedShare;
  const envelopes = connections / ASSUMED.envelopeEveryS;
  const connects = connections / ASSUMED.reconnectEveryS;
  const seconds = model.verifyUs / 1e6;
  const coresOf = (cost: Cost, processes: number) =>
    seconds * envelopes * costOf(cost, { rate: envelopes / processes, apart: true });
  const nodeCoresOf = (nodes: number) =>
    coresOf(model.nodes, nodes) + seconds * (connects * model.connect.nodes + connections * model.idle.nodes);
  const redisCoresOf = (shards: number) =>
    coresOf(model.redis, shards) +
    seconds * (connects * model.connect.redis + connections * model.idle.redis);
  const nodes = fewest(
    Math.max(ASSUMED.nodesLeast, Math.ceil(connections / ASSUMED.connectionsOfNodeMost)),
    nodeCoresOf,
  );
  const single = fewest(1, redisCoresOf);
  // There is no Cluster of two.
  const shards = single === 2 ? 3 : single;
  return {
    connections,
    envelopes,
    connects,
    nodes,
    nodeCores: nodeCoresOf(nodes),
    shards,
    redisCores: redisCoresOf(shards),
  };
}

/** Processes, `least` or more, of which none is busy for more than it should be. */
function fewest(least: number, coresOf: (processes: number) => number): number {
  let processes = least;
  while (coresOf(processes) / processes > ASSUMED.busyMost) processes += 1;
  return processes;
}

export function modelTable({ nodes, redis, connect, idle, verifyUs }: Model): string {
  const cost = ({ each, wake, apart, shareRate, rateMost }: Cost) =>
    `${figure(each)} + ${figure(wake)} / (1 + r / ${figure(shareRate)}) + ${figure(apart)} where connections are many; r up to ${figure(rateMost)}`;
  const us = (verifies: number) => `${figure(verifies)} (${figure(verifies * verifyUs)} µs here)`;
  return table(
    ['in verifies', 'nodes', 'Redis'],
    [
      ['one envelope', cost(nodes), cost(redis)],
      ['one connect', us(connect.nodes), us(connect.redis)],
      ['an idle connection, a second', us(idle.nodes), us(idle.redis)],
    ],
  );
}

export function checksTable({ checks }: Model): string {
  return table(
    ['a run that it was not fitted to', 'measured, µs', 'model, µs', 'error'],
    checks.map(({ run, measuredUs, predictedUs }) => [
      run,
      figure(measuredUs),
      figure(predictedUs),
      `${((predictedUs / measuredUs - 1) * 100).toFixed(0)} %`,
    ]),
  );
}

export function errorsLine({ points, worstFit, worstCheck }: Model): string {
  const percent = (share: number) => `${Math.ceil(share * 100)} %`;
  return `Fitted to ${points} measured costs, the largest error there ${percent(worstFit)}. **The runs that it had not seen lie within ${percent(worstCheck)} of it.**`;
}
