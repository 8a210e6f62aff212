import {
  type FullSpreadStep,
  measureFullSpread,
  measureSpread,
  type SpreadPlan,
  type SpreadResult,
  type SpreadStep,
} from '../bench/spread.ts';
import { type ConnectionsPlan, type ConnectionsResult, measureConnections } from './connections.ts';
import { type MailboxesPlan, type MailboxesResult, measureMailboxes } from './mailboxes.ts';
import { Impossible, processesFor, whole } from './parameters.ts';

export type Values = Readonly<Record<string, string | undefined>>;
type Row = { readonly what: string; readonly figure: string } | Readonly<Record<string, string | number>>;

export interface Mode<Plan, Result> {
  /** @throws Impossible with words about what would be possible */
  plan(values: Values): Plan;
  measure(plan: Plan): Promise<Result>;
  rows(result: Result): readonly Row[];
  /** Whether what was promised was kept: nothing lost. */
  holds(result: Result): boolean;
}

const MILLION = 1_000_000;

const connections: Mode<ConnectionsPlan, ConnectionsResult> = {
  plan: (values) => {
    const wanted = number(values, 'connections', { min: 1, max: MILLION });
    const nodes = values.nodes === undefined ? null : number(values, 'nodes', { min: 1, max: 250 });
    return {
      connections: wanted,
      ...processesFor({ connections: wanted, nodes }),
      protocol: protocol(values),
      atOnce: number(values, 'at-once', { min: 1, max: 10_000 }),
      holdS: number(values, 'hold', { min: 1, max: 86_400 }),
      talkS: number(values, 'talk', { min: 1, max: 3_600 }),
      rate: number(values, 'rate', { min: 1, max: 100_000 }),
      backlog: number(values, 'backlog', { min: 1, max: 100_000 }),
    };
  },
  measure: measureConnections,
  rows: (r) => [
    row('memory of one node without connections', r.emptyNodeBytes / 1e6, 'MB'),
    row('connects per second, all together', r.connect.perSecond, ''),
    row('node time for one connect', r.connect.nodeUs, 'µs'),
    row('Redis time for one connect', r.connect.redisUs, 'µs'),
    row('node memory for one idle connection', r.idleBytes, 'B'),
    row('… of it in the heap', r.idleHeapBytes, 'B'),
    row('Redis memory for one idle connection', r.idleRedisBytes, 'B'),
    row('held for', r.hold.seconds, 's'),
    row('connections lost meanwhile', r.hold.lost, ''),
    row('pings meanwhile', r.hold.pings, ''),
    row('node time for one idle connection', r.hold.nodesUs, 'µs a second', 2),
    row('one scrape of one node meanwhile, median', r.scrape.medianMs, 'ms', 1),
    row('the slowest scrape', r.scrape.worstMs, 'ms', 1),
    row('node time for one scrape', r.scrape.nodeUs / 1000, 'ms', 1),
    row('bytes of one scrape', r.scrape.bytes, ''),
    row('envelopes sent, then', r.talk.sent, ''),
    row('of these not received', r.talk.sent - r.talk.received, ''),
    row('nodes for one envelope', r.talk.nodesUs, 'µs'),
    row('Redis for one envelope', r.talk.redisUs, 'µs'),
    row('node memory for a connection that has talked', r.busyBytes, 'B'),
    row('all cut at once, all back after', r.reconnect.seconds, 's', 1),
    row('reconnects per second, all together', r.reconnect.perSecond, ''),
    row('connects per second, all together, once more', r.again.perSecond, ''),
    row('node time for one connect then', r.again.nodeUs, 'µs'),
    row('Redis time for one connect then', r.again.redisUs, 'µs'),
    row('connects per second and core', 1e6 / (r.again.nodeUs + r.again.redisUs), ''),
    row('backlog to one client, protocol 1', r.replayPerS[1], '/s'),
    row('backlog to one client, protocol 2', r.replayPerS[2], '/s'),
  ],
  holds: (r) => r.hold.lost === 0 && r.talk.sent === r.talk.received,
};

const mailboxes: Mode<MailboxesPlan, MailboxesResult> = {
  plan: (values) => {
    const at = number(values, 'at-once', { min: 1, max: 10_000 });
    const nodes = values.nodes === undefined ? null : number(values, 'nodes', { min: 1, max: 250 });
    return {
      mailboxes: number(values, 'mailboxes', { min: 1, max: MILLION }),
      each: number(values, 'each', { min: 1, max: 1_000 }),
      ...processesFor({ connections: at, nodes }),
      protocol: protocol(values),
      atOnce: at,
    };
  },
  measure: measureMailboxes,
  rows: (r) => [
    row('stored, all together', r.storedPerS, '/s'),
    row('Redis memory for one mailbox with them', r.mailboxBytes, 'B'),
    row('Redis memory for one user', r.userBytes, 'B'),
    row('all drained after', r.drainSeconds, 's', 1),
    row('envelopes drained, all together', r.drainedPerS, '/s'),
    row('node time to drain one mailbox', r.drainNodesUs, 'µs'),
    row('Redis time to drain one mailbox', r.drainRedisUs, 'µs'),
    row('node memory meanwhile, at most', r.drainNodesBytes / 1e6, 'MB'),
  ],
  holds: () => true,
};

const STEPS_OF_NODES = [1, 2, 3, 4];

const nodes: Mode<SpreadPlan, SpreadResult<FullSpreadStep>> = {
  plan: (values) => {
    const most = values.nodes === undefined ? 4 : number(values, 'nodes', { min: 1, max: 16 });
    const counts = STEPS_OF_NODES.filter((count) => count <= most);
    return spreadOf({ pairs: '16', ...values }, counts, (count) => ({ nodes: count, shards: 1 }));
  },
  measure: measureFullSpread,
  rows: ({ steps }) =>
    steps.map((step) => ({
      ...spreadRow(step),
      'full, 1/s': round(step.closed.perSecond, 0),
      'full, nodes µs': round(step.closed.nodesUs),
      'full, redis µs': round(step.closed.redisUs),
    })),
  holds: ({ steps }) => steps.every(({ open, closed }) => open.missing + closed.missing === 0),
};

const shards: Mode<SpreadPlan, SpreadResult> = {
  plan: (values) => {
    const counts = (values.shards ?? '').split(',').map(Number);
    const bad = counts.find((count) => !Number.isInteger(count) || count < 1 || count === 2 || count > 64);
    if (bad !== undefined)
      throw new Impossible(
        `--shards ${values.shards}: give whole numbers with commas between, 1 or from 3 to 64; Redis makes no Cluster of two`,
      );
    const each = values.nodes === undefined ? 2 : number(values, 'nodes', { min: 1, max: 16 });
    // Many, so that chance spreads them evenly.
    return spreadOf({ pairs: '64', ...values }, counts, (count) => ({ nodes: each, shards: count }));
  },
  measure: measureSpread,
  rows: ({ steps }) => steps.map(spreadRow),
  holds: ({ steps }) => steps.every(({ open }) => open.missing === 0),
};

export const MODES = { connections, nodes, shards, mailboxes } as const;

/** Each of what there is more of from step to step has the same load. */
function spreadOf(
  values: Values,
  counts: readonly number[],
  setup: (count: number) => { readonly nodes: number; readonly shards: number },
): SpreadPlan {
  const pairs = number(values, 'pairs', { min: 1, max: 1_000 });
  const rate = number(values, 'rate', { min: 10, max: 20_000 });
  return {
    steps: counts.map((count) => ({ ...setup(count), pairs: pairs * count, perSecond: rate * count })),
    seconds: number(values, 'seconds', { min: 1, max: 600 }),
  };
}

function spreadRow({ nodes: count, shards: redis, idleUsPerS, open }: SpreadStep) {
  return {
    nodes: count,
    redis,
    'idle, % of a core': round(idleUsPerS / 1e4),
    'offered, 1/s': round(open.perSecond, 0),
    'nodes µs': round(open.nodesUs),
    'redis µs': round(open.redisUs),
    'p99 ms': round(open.p99Ms),
    'busiest Redis, %': round(open.busiestShard * 100, 0),
  };
}

function number(values: Values, name: string, bounds: { min: number; max: number }): number {
  return whole(name, values[name] ?? '', bounds);
}

function protocol(values: Values): 1 | 2 {
  if (values.protocol !== '1' && values.protocol !== '2')
    throw new Impossible(`--protocol ${values.protocol}: there are 1 and 2`);
  return values.protocol === '1' ? 1 : 2;
}

function row(what: string, figure: number, unit: string, digits = 0): Row {
  return { what, figure: `${figure.toFixed(digits)} ${unit}`.trim() };
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
