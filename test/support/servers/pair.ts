import type { Settings } from '../../../src/cli/dev/servers.ts';
import type { RedisServer } from '../redis/redis.ts';
import { Fleet } from './fleet.ts';
import type { RelayNode } from './relay-node.ts';

/** What most behaviour must be shown on: the same node for both people, or another one for each. */
export const PAIRS = ['one node, in memory', 'two nodes, over Redis'] as const;

export interface Pair {
  /** Alice's node, and Bob's: the same in memory. */
  readonly one: RelayNode;
  readonly two: RelayNode;
  readonly redis: RedisServer | null;
  stop(): Promise<void>;
}

export async function startPair(pair: (typeof PAIRS)[number], settings: Settings = {}): Promise<Pair> {
  const fleet = await (pair === 'one node, in memory'
    ? Fleet.start({ nodes: 1, settings })
    : Fleet.start({ nodes: 2, settings, store: { kind: 'redis' } }));
  const last = fleet.node(fleet.nodes.length - 1);
  return { one: fleet.node(0), two: last, redis: fleet.store.redis, stop: () => fleet.remove() };
}
