import { stepNames, stepUs } from '../bench/report.ts';
import type { Wakeful } from '../bench/rig.ts';
import { worthOf } from '../bench/spread.ts';
import { median } from '../support/median.ts';
import { type Cell, figure, range, table } from './blocks.ts';
import type { Figures } from './figures.ts';

type Block = (figures: Figures) => string;

/** One row a load of the benchmark. */
const rates: Block = ({ bench }) => {
  const names = [...new Set(bench.phases.map(({ name }) => name))];
  return table(
    [
      'load',
      'envelopes/s',
      'p50, ms',
      'p99, ms',
      'nodes, µs',
      'Redis, µs',
      '(nodes + Redis) / verify',
      'range',
    ],
    names.map((name) => {
      const runs = bench.phases.filter((phase) => phase.name === name);
      const of = (value: (phase: (typeof runs)[number]) => number) => figure(median(runs.map(value)));
      const costs = runs.map(({ cpuUs }) => (cpuUs.nodes + cpuUs.redis) / bench.verifyUs);
      return [
        name,
        of(({ perSecond }) => perSecond),
        of(({ latencyMs }) => latencyMs.find(({ percentile }) => percentile === 50)?.ms ?? Number.NaN),
        of(({ latencyMs }) => latencyMs.find(({ percentile }) => percentile === 99)?.ms ?? Number.NaN),
        of(({ cpuUs }) => cpuUs.nodes),
        of(({ cpuUs }) => cpuUs.redis),
        figure(median(costs)),
        range(costs),
      ];
    }),
  );
};

/** One row a step, one column a load; the last: what the lowest load costs more than the highest. */
const steps: Block = ({ bench: { steps: budgets, verifyUs } }) => {
  const row = (us: readonly number[], cell: (value: number) => Cell): readonly Cell[] => [
    ...us.map(cell),
    ...(us.length > 1 ? [cell((us[0] ?? Number.NaN) - (us.at(-1) ?? Number.NaN))] : []),
  ];
  const all = budgets.map((budget) => budget.steps.reduce((sum, { us }) => sum + us, 0));
  return table(
    [
      'step',
      ...budgets.map(({ load }) => `${load}, µs`),
      ...(budgets.length > 1 ? ['first less last, µs'] : []),
    ],
    [
      ...stepNames(budgets).map((name) => [
        name,
        ...row(
          budgets.map((budget) => stepUs(budget, name)),
          figure,
        ),
      ]),
      ['**all**', ...row(all, (us) => `**${figure(us)}**`)],
      ['in verifies', ...row(all, (us) => figure(us / verifyUs))],
    ],
  );
};

const waking: Block = ({ bench }) =>
  table(
    [
      'load',
      'nodes: program, µs',
      'nodes: kernel, µs',
      'nodes: times asleep',
      'Redis: program, µs',
      'Redis: kernel, µs',
      'Redis: times asleep',
    ],
    [...new Set(bench.waking.map(({ load }) => load))].map((name) => {
      const runs = bench.waking.filter(({ load }) => load === name);
      const of = (which: 'nodes' | 'redis', what: keyof Wakeful) =>
        figure(median(runs.map((run) => run[which][what])));
      const cells = (which: 'nodes' | 'redis') => [
        of(which, 'userUs'),
        of(which, 'systemUs'),
        of(which, 'sleeps'),
      ];
      return [name, ...cells('nodes'), ...cells('redis')];
    }),
  );

const nodes: Block = ({ bench }) => {
  const [first] = bench.spread;
  const base = first === undefined ? Number.NaN : first.open.nodesUs + first.open.redisUs;
  return table(
    [
      'nodes',
      'offered and delivered, 1/s',
      'µs for an envelope',
      'against 1 node',
      'p99, ms',
      'closed loop, 1/s',
    ],
    bench.spread.map(({ nodes: count, open, closed }) => [
      count,
      figure(open.perSecond),
      figure(open.nodesUs + open.redisUs),
      percent((open.nodesUs + open.redisUs) / base - 1),
      figure(open.p99Ms),
      figure(closed.perSecond),
    ]),
  );
};

const shards: Block = ({ shards: report }) => {
  const counts = report.plan.steps.map((step) => step.shards);
  const stepsOf = (count: number) =>
    report.runs.flatMap((run) => run.steps.filter((step) => step.shards === count));
  return table(
    ['Redis servers', 'envelopes/s', 'nodes, µs', 'Redis, µs', 'busiest server has', 'worth so many servers'],
    counts.map((count) => {
      const own = stepsOf(count);
      return [
        count,
        figure(median(own.map(({ open }) => open.perSecond))),
        figure(median(own.map(({ open }) => open.nodesUs))),
        figure(median(own.map(({ open }) => open.redisUs))),
        `${(median(own.map(({ open }) => open.busiestShard)) * 100).toFixed(0)} %`,
        figure(median(report.runs.map((run) => worthOf(run, count)))),
      ];
    }),
  );
};

const connections: Block = ({ connections: few, hold }) => {
  type Run = (typeof few.runs)[number];
  const rows: readonly (readonly [string, (run: Run) => number])[] = [
    ['node memory for one idle connection, B', (run) => run.idleBytes],
    ['… of it in the heap, B', (run) => run.idleHeapBytes],
    ['… that has sent and received, B', (run) => run.busyBytes],
    ['Redis memory for one idle connection, B', (run) => run.idleRedisBytes],
    ['node time for one connect, the first of these nodes, µs', (run) => run.connect.nodeUs],
    ['Redis time for one connect, µs', (run) => run.connect.redisUs],
    ['connects a second, all together, clients included', (run) => run.connect.perSecond],
    ['held for, s', (run) => run.hold.seconds],
    ['pings meanwhile', (run) => run.hold.pings],
    ['connections lost', (run) => run.hold.lost],
    ['node time for one idle connection, µs a second', (run) => run.hold.nodesUs],
    ['envelopes sent then, each on a connection of its own', (run) => run.talk.sent],
    ['… of them lost', (run) => run.talk.sent - run.talk.received],
    ['all cut at once, all back after, s', (run) => run.reconnect.seconds],
    ['node time for one connect, once V8 has compiled, µs', (run) => run.again.nodeUs],
    ['Redis time for one connect then, µs', (run) => run.again.redisUs],
    ['connects a second then, all together, clients included', (run) => run.again.perSecond],
    ['backlog to one client, protocol 1, envelopes/s', (run) => run.replayPerS[1]],
    ['backlog to one client, protocol 2, envelopes/s', (run) => run.replayPerS[2]],
  ];
  const head = [few, hold].map(({ plan }) => `${figure(plan.connections)} on ${plan.nodes} nodes`);
  return table(
    ['', ...head],
    rows.map(([what, of]) => [what, ...[few, hold].map(({ runs }) => figure(median(runs.map(of))))]),
  );
};

const mailboxes: Block = ({ mailboxes: report }) => {
  const [run] = report.runs;
  if (run === undefined) throw new Error('mailboxes.json has no run');
  const { plan } = report;
  return table(
    [`${figure(plan.mailboxes)} mailboxes, ${plan.each} envelopes with 300 B of payload in each`, ''],
    [
      ['stored, all together', `${figure(run.storedPerS)} a second`],
      ['Redis memory for one mailbox with them', `${figure(run.mailboxBytes)} B`],
      ['Redis memory for one user', `${figure(run.userBytes)} B`],
      ['all users come back: all drained after', `${figure(run.drainSeconds)} s`],
      [
        'envelopes delivered, of those stored',
        `${figure(run.received)} of ${figure(plan.mailboxes * plan.each)}`,
      ],
      ['node time for one mailbox: connect, read, push, confirm, leave', `${figure(run.drainNodesUs)} µs`],
      ['Redis time for the same', `${figure(run.drainRedisUs)} µs`],
      ['node memory meanwhile, all nodes, at most', `${figure(run.drainNodesBytes / 1e6)} MB`],
    ],
  );
};

const peers: Block = ({ peers: { contenders, runs, settings } }) =>
  table(
    [
      '',
      'verifies',
      'stores',
      'confirms',
      'full load, 1/s',
      'µs for an envelope',
      'range',
      'in verifies',
      `µs at ${settings.rate}/s`,
      `p99 at ${settings.rate}/s, ms`,
      'lost',
    ],
    contenders.map(({ name, verifies, stores, confirms }) => {
      const own = runs.filter(({ contender }) => contender === name);
      const costs = own.map(({ closed }) => closed.nodesUs + closed.redisUs);
      return [
        name === 'keyrelay' ? '**keyrelay**' : name,
        verifies ? 'yes' : 'no',
        stores,
        confirms,
        figure(median(own.map(({ closed }) => closed.perSecond))),
        figure(median(costs)),
        range(costs),
        figure(median(own.map(({ closed, verifyUs }) => (closed.nodesUs + closed.redisUs) / verifyUs))),
        figure(median(own.map(({ open }) => open.nodesUs + open.redisUs))),
        figure(median(own.map(({ open }) => open.p99Ms))),
        own.reduce((sum, { closed, open }) => sum + closed.missing + open.missing, 0),
      ];
    }),
  );

const tried: Block = ({ tried: { trials } }) =>
  table(
    ['one call', 'client, µs', 'Redis, µs', 'together, range', 'calls/s'],
    trials.map(({ what, clientUs, redisUs, perSecond }) => [
      what,
      figure(median(clientUs)),
      figure(median(redisUs)),
      range(clientUs.map((us, run) => us + (redisUs[run] ?? 0))),
      figure(median(perSecond)),
    ]),
  );

const machines: Block = (figures) =>
  table(
    ['figures of', 'machine', 'load average when it began', 'one verify, µs'],
    Object.entries(figures).map(([name, report]) => {
      const { machine, loadAverage } = report as { machine: string; loadAverage: number };
      return [name, machine, loadAverage.toFixed(1), figure(verifyUsOf(report))];
    }),
  );

function verifyUsOf(report: Figures[keyof Figures]): number {
  if ('contenders' in report) return median(report.runs.map(({ verifyUs }) => verifyUs));
  return typeof report.verifyUs === 'number' ? report.verifyUs : median(report.verifyUs);
}

export const TABLES = {
  machines,
  rates,
  steps,
  waking,
  nodes,
  shards,
  connections,
  mailboxes,
  peers,
  tried,
} as const satisfies Record<string, Block>;

function percent(share: number): string {
  return `${share >= 0 ? '+' : ''}${(share * 100).toFixed(0)} %`;
}
