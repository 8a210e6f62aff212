import { worthOf } from '../bench/spread.ts';
import { median } from '../support/median.ts';
import { figure, range, table } from './blocks.ts';
import type { Figures } from './figures.ts';

interface Target {
  readonly what: string;
  readonly least: string;
  readonly reach: string;
  /** One for each run. */
  readonly measured: readonly number[];
  readonly unit: string;
  readonly reached: (value: number) => boolean;
  readonly command: string;
}

const BENCH = '`npm run bench`';
const PEERS = '`peers/main.ts`';
const CONNECTIONS = '`scale/main.ts connections`';

/** Every target, with what was measured beside it, and whether that is enough. */
export function targetsTable(figures: Figures): string {
  return table(
    ['what', 'at least', 'reach for', 'measured', 'range', 'reached', 'command'],
    targetsOf(figures).map(({ what, least, reach, measured, unit, reached, command }) => {
      const value = median(measured);
      return [
        what,
        least,
        reach,
        `${figure(value)} ${unit}`.trim(),
        range(measured),
        reached(value) ? 'yes' : '**no**',
        command,
      ];
    }),
  );
}

function targetsOf(figures: Figures): readonly Target[] {
  return [...costTargets(figures), ...latencyTargets(figures), ...scaleTargets(figures)];
}

function costTargets({ bench, peers }: Figures): readonly Target[] {
  const costs = (load: string) =>
    bench.phases
      .filter(({ name }) => name === load)
      .map(({ cpuUs }) => (cpuUs.nodes + cpuUs.redis) / bench.verifyUs);
  const peer = (name: string, load: 'closed' | 'open' = 'closed') =>
    peers.runs
      .filter(({ contender }) => contender === name)
      .map((run) => run[load].nodesUs + run[load].redisUs);
  const own = peer('keyrelay');
  const verifying = peers.contenders.filter(({ name, verifies }) => verifies && name !== 'keyrelay');
  /** Ours, round by round, in those of the cheapest other relay that verifies. */
  const againstCheapest = (load: 'closed' | 'open') =>
    peer('keyrelay', load).map(
      (us, round) => us / Math.min(...verifying.map(({ name }) => peer(name, load)[round] ?? Number.NaN)),
    );
  // Round by round: both met the same machine.
  const against = (name: string) => peer(name).map((us, round) => us / (own[round] ?? Number.NaN));
  return [
    {
      what: 'all processor time (nodes + Redis) for an envelope, cross-node: verified, stored, delivered, confirmed',
      least: '≤ 1.9 × verify',
      reach: '≤ 1.6 ×',
      measured: costs('closed loop'),
      unit: '× verify',
      reached: (value) => value <= 1.9,
      command: BENCH,
    },
    {
      what: 'the same at a tenth of that rate',
      least: '≤ 7 × verify',
      reach: '≤ 5.5 ×',
      measured: costs('open loop, 10 %'),
      unit: '× verify',
      reached: (value) => value <= 7,
      command: BENCH,
    },
    {
      what: 'processor time for an envelope against the cheapest other relay that verifies, at full load',
      least: 'less',
      reach: '',
      measured: againstCheapest('closed'),
      unit: '×',
      reached: (value) => value < 1,
      command: PEERS,
    },
    {
      what: `the same at ${peers.settings.rate} envelopes a second`,
      least: 'less',
      reach: '',
      measured: againstCheapest('open'),
      unit: '×',
      reached: (value) => value < 1,
      command: PEERS,
    },
    {
      what: 'processor time for an envelope against Socket.IO that neither verifies nor stores',
      least: 'less',
      reach: 'half',
      measured: against('Socket.IO').map((ratio) => 1 / ratio),
      unit: '×',
      reached: (value) => value < 1,
      command: PEERS,
    },
    {
      what: 'processor time for an envelope against centrifuge (history on, no verification)',
      least: 'less',
      reach: 'half',
      measured: against('centrifuge, Go library').map((ratio) => 1 / ratio),
      unit: '×',
      reached: (value) => value < 1,
      command: PEERS,
    },
  ];
}

function latencyTargets({ bench }: Figures): readonly Target[] {
  const at = (load: string, percentile: number) =>
    bench.phases
      .filter(({ name }) => name === `open loop, ${load} %`)
      .map(({ latencyMs }) => latencyMs.find((entry) => entry.percentile === percentile)?.ms ?? Number.NaN);
  const row = (what: string, measured: readonly number[], bound: number, reach: string): Target => ({
    what,
    least: `< ${bound} ms`,
    reach,
    measured,
    unit: 'ms',
    reached: (value) => value < bound,
    command: BENCH,
  });
  return [
    row('time to deliver across nodes at half load, p50', at('50', 50), 2, ''),
    row('the same, p99', at('50', 99), 8, '< 4 ms'),
    row('at 90 % of capacity, p99', at('90', 99), 50, '< 20 ms'),
  ];
}

function scaleTargets({ bench, connections, hold, shards }: Figures): readonly Target[] {
  const { plan, runs } = hold;
  const kept = runs.map((run) => (run.hold.lost === 0 && run.hold.seconds >= 600 ? plan.connections : 0));
  const [one] = bench.spread;
  const three = bench.spread.find(({ nodes }) => nodes === 3);
  const costOf = (step: typeof one) =>
    step === undefined ? Number.NaN : step.open.nodesUs + step.open.redisUs;
  return [
    {
      what: 'memory of a node for an idle, authenticated connection',
      least: '≤ 3 kB',
      reach: '≤ 1.5 kB',
      measured: connections.runs.map(({ idleBytes }) => idleBytes / 1e3),
      unit: 'kB',
      // Below 0: the nodes were too busy to collect what they had before.
      reached: (value) => value > 0 && value <= 3,
      command: CONNECTIONS,
    },
    {
      what: `connections held for 10 min, pinged, none lost (${plan.nodes} nodes)`,
      least: '50,000',
      reach: '100,000',
      measured: kept,
      unit: '',
      reached: (value) => value >= 50_000,
      command: '`scale/main.ts connections --connections 50000 --hold 600 --name hold`',
    },
    {
      what: 'connects a second and core (upgrade, verify, claim, ack; node and Redis time)',
      least: '≥ 3,000',
      reach: '≥ 6,000',
      measured: connections.runs.map(({ again }) => 1e6 / (again.nodeUs + again.redisUs)),
      unit: '',
      reached: (value) => value >= 3_000,
      command: CONNECTIONS,
    },
    {
      what: 'backlog to one client, the faster protocol',
      least: '≥ 50,000 /s',
      reach: 'wire speed',
      measured: connections.runs.map(({ replayPerS }) => Math.max(replayPerS[1], replayPerS[2])),
      unit: '/s',
      reached: (value) => value >= 50_000,
      command: CONNECTIONS,
    },
    {
      what: '3 nodes against 1, equal load for each: growth of processor time for an envelope (the cores for throughput are not here)',
      least: '≤ 5 %',
      reach: '',
      measured: [(costOf(three) / costOf(one) - 1) * 100],
      unit: '%',
      reached: (value) => value <= 5,
      command: BENCH,
    },
    {
      what: 'Redis Cluster of 3 against 1 Redis, equal load for each server: by cost and balance (the cores for throughput are not here)',
      least: '≥ 2.5 ×',
      reach: '2.9 ×',
      measured: shards.runs.map((run) => worthOf(run, 3)),
      unit: '×',
      reached: (value) => value >= 2.5,
      command: '`scale/main.ts shards`',
    },
  ];
}
