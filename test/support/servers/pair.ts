import { afterAll, beforeAll } from 'vitest';
import type { Settings } from '../../../src/cli/dev/servers.ts';
import type { RedisServer } from '../redis/redis.ts';
import { Fleet } from './fleet.ts';
import { ALONE } from './processes.ts';
import type { RelayNode } from './relay-node.ts';

/** What most behaviour must be shown on: the same node for both people, or another one for each. */
export const PAIRS = ['one node, in memory', 'two nodes, over Redis'] as const;

export interface Pair {
  /** Alice's node, and Bob's: the same in memory. */
  readonly one: RelayNode;
  readonly two: RelayNode;
  readonly redis: RedisServer | null;
}

/** Nodes that all tests of a `describe` share: they start before them, and before every `beforeAll` behind this call. */
export function pairForTests(pair: (typeof PAIRS)[number], own: Settings = {}): Pair {
  const settings = { ...ALONE, ...own };
  let fleet: Fleet | undefined;
  const running = (): Fleet => {
    if (fleet === undefined) throw new Error('the pair starts with the first test');
    return fleet;
  };
  beforeAll(async () => {
    fleet = await (pair === 'one node, in memory'
      ? Fleet.start({ nodes: 1, settings })
      : Fleet.start({ nodes: 2, settings, store: { kind: 'redis' } }));
  });
  afterAll(() => fleet?.remove());
  return {
    get one() {
      return running().node(0);
    },
    get two() {
      return running().node(running().nodes.length - 1);
    },
    get redis() {
      return running().store.redis;
    },
  };
}
