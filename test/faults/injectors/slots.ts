import type { RedisServer } from '../../support/redis/redis.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { mastersOf } from '../../support/redis/store.ts';
import { until } from '../../support/until.ts';

/** The master that has the slot now, and another one that is up. */
export interface Move {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
}

const MIGRATE_TIMEOUT_MS = 2_000;
const KEYS_AT_ONCE = 50;
/** For a slot that has just moved. */
const OWNED_WITHIN_MS = 10_000;

export async function slotOfUser(cluster: RedisCluster, code: string): Promise<number> {
  const [server] = cluster.servers;
  return Number(await server?.call('CLUSTER', 'KEYSLOT', `user:{${code}}`));
}

/** Plans a move of this slot to another master. */
export async function planMove(cluster: RedisCluster, slot: number, pick: number): Promise<Move> {
  const masters = await mastersOf(cluster);
  let from: RedisServer | undefined;
  // Just after a move, the gossip of the others may contradict its new owner for a moment.
  const owned = async () => {
    for (const master of masters) if (owns(await slotsOf(master), slot)) from = master;
    return from !== undefined;
  };
  await until(owned, { what: `a master to own slot ${slot}`, timeoutMs: OWNED_WITHIN_MS });
  const others = masters.filter((master) => master !== from);
  const to = others[pick % others.length];
  if (from === undefined || to === undefined) throw new Error(`slot ${slot} has nowhere to go`);
  return { slot, from, to };
}

type Ranges = readonly (readonly [low: number, high: number])[];

const owns = (ranges: Ranges, slot: number) => ranges.some(([low, high]) => slot >= low && slot <= high);

/** That the server itself says it has. */
async function slotsOf(server: RedisServer): Promise<Ranges> {
  const lines = String(await server.call('CLUSTER', 'NODES')).split('\n');
  const own = lines.find((line) => line.includes('myself')) ?? '';
  return own
    .split(' ')
    .slice(8)
    .filter((word) => /^\d/.test(word))
    .map((word) => word.split('-').map(Number))
    .map(([low = 0, high = low]) => [low, high] as const);
}

/** The first half of a migration: both sides know, `share` of the keys have gone. */
export async function beginMove({ slot, from, to }: Move, share: number): Promise<void> {
  const [fromId, toId] = await Promise.all([from.call('CLUSTER', 'MYID'), to.call('CLUSTER', 'MYID')]);
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId));
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId));
  const count = Number(await from.call('CLUSTER', 'COUNTKEYSINSLOT', slot));
  await migrate({ slot, from, to }, Math.floor(count * share));
}

export async function endMove(move: Move, cluster: RedisCluster): Promise<void> {
  const { slot, from, to } = move;
  for (;;) {
    const left = Number(await from.call('CLUSTER', 'COUNTKEYSINSLOT', slot));
    if (left === 0) break;
    await migrate(move, left);
  }
  const masters = await mastersOf(cluster);
  await untilNewestEpoch(to, masters);
  const toId = String(await to.call('CLUSTER', 'MYID'));
  const others = masters.filter((master) => master !== from && master !== to);
  for (const server of [to, from, ...others]) await server.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
}

/**
 * A server that takes a slot makes its epoch the greatest that it knows of. Did another one just do the same, and its
 * message were still under way, then both would have the same: whichever loses the slot then deletes its keys.
 */
async function untilNewestEpoch(taker: RedisServer, masters: readonly RedisServer[]): Promise<void> {
  const epochOf = async (server: RedisServer) => {
    const info = String(await server.call('CLUSTER', 'INFO'));
    return Number(/cluster_current_epoch:(\d+)/.exec(info)?.[1]);
  };
  const knows = async () => {
    const newest = Math.max(...(await Promise.all(masters.map(epochOf))));
    return (await epochOf(taker)) >= newest;
  };
  await until(knows, { what: 'the taker of a slot to know the newest epoch' });
}

async function migrate({ slot, from, to }: Move, count: number): Promise<void> {
  for (let left = count; left > 0; left -= KEYS_AT_ONCE) {
    const keys = (await from.call(
      'CLUSTER',
      'GETKEYSINSLOT',
      slot,
      Math.min(left, KEYS_AT_ONCE),
    )) as string[];
    if (keys.length === 0) return;
    await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, MIGRATE_TIMEOUT_MS, 'KEYS', ...keys);
  }
}
