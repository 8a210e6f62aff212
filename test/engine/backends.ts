import { randomBytes } from 'node:crypto';
import type { Engine, EngineLimits, NodeDetails } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import type { EngineObserver } from '../../src/engine/observer.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import type { Timings } from '../../src/engine/redis/timings.ts';
import { startRedis } from '../support/redis/redis.ts';
import { startRedisCluster } from '../support/redis/redis-cluster.ts';
import { startSentinel } from '../support/redis/redis-sentinel.ts';

/** One kind of store, which several engines (nodes) may share. */
export interface Backend {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Forgets everything, as for a first start. No engine may be running. */
  clear(): Promise<void>;
  /** Another node on the same store, not started. The memory engine has one node: it gives the same one again. */
  node(limits: EngineLimits): Engine;
}

export const LIMITS: EngineLimits = {
  mailboxEnvelopes: 1_000,
  mailboxBytes: 4 * 1024 * 1024,
  mailboxSharePercent: 100,
  mailboxTtlMs: 7 * 24 * 60 * 60 * 1000,
  maxUsers: 1_000_000,
  maxBlocks: 1_000,
};

/** Long enough for a client to come back before. */
export const ANNOUNCE_AFTER_MS = 300;

export function memoryBackend(): Backend {
  const nodes = new Map<EngineLimits, Engine>();
  return {
    name: 'memory',
    start: async () => {},
    stop: async () => {},
    clear: async () => nodes.clear(),
    node: (limits) => {
      const node =
        nodes.get(limits) ??
        createMemoryEngine({ limits, announces: true, pushes: true, announceAfterMs: ANNOUNCE_AFTER_MS });
      nodes.set(limits, node);
      return node;
    },
  };
}

/** The Redis servers of a backend. */
interface Servers {
  readonly urls: readonly string[];
  readonly masters: () => readonly {
    call(command: string, ...args: (string | number)[]): Promise<unknown>;
  }[];
  readonly remove: () => Promise<void>;
}

export interface RedisNodeOptions {
  readonly urls: readonly string[];
  readonly limits?: EngineLimits;
  readonly waitReplicas?: number;
  readonly observer?: EngineObserver;
  /** Default: random. */
  readonly nodeId?: string;
  readonly announces?: boolean;
  readonly pushes?: boolean;
  readonly presence?: () => NodeDetails | null;
  readonly timings?: Partial<Timings>;
  readonly accountIdleTtlMs?: () => number;
}

/** A node with a unique name. */
export function redisNode(options: RedisNodeOptions): Engine {
  const nodeId = `node-${randomBytes(4).toString('hex')}`;
  return createRedisEngine({ limits: LIMITS, waitReplicas: 0, nodeId, ...options });
}

/** One that runs. */
export async function runningNode(options: RedisNodeOptions): Promise<Engine> {
  const node = redisNode(options);
  await node.start();
  return node;
}

function redisBackend(name: string, waitReplicas: number, startServers: () => Promise<Servers>): Backend {
  let servers: Servers | null = null;
  const running = (): Servers => {
    if (servers === null) throw new Error(`${name} is not started`);
    return servers;
  };
  return {
    name,
    start: async () => {
      servers = await startServers();
    },
    stop: async () => servers?.remove(),
    clear: async () => {
      for (const master of running().masters()) await master.call('FLUSHALL');
    },
    node: (limits) =>
      redisNode({
        urls: running().urls,
        limits,
        waitReplicas,
        announces: true,
        pushes: true,
        timings: { announceAfterMs: ANNOUNCE_AFTER_MS },
      }),
  };
}

export function singleRedis(): Backend {
  return redisBackend('one Redis', 0, async () => {
    const server = await startRedis();
    return { urls: [server.url], masters: () => [server], remove: () => server.remove() };
  });
}

export function clusterRedis(): Backend {
  return redisBackend('Redis Cluster of three masters', 0, async () => {
    const cluster = await startRedisCluster({ masters: 3 });
    return { urls: cluster.urls, masters: () => cluster.masters, remove: () => cluster.remove() };
  });
}

/** Also the backend whose writes wait for a replica. */
export function sentinelRedis(): Backend {
  return redisBackend('Sentinel, waiting for a replica', 1, async () => {
    const sentinel = await startSentinel({ replicas: 1, sentinels: 1 });
    const [master] = sentinel.servers;
    return {
      urls: [sentinel.url],
      masters: () => (master === undefined ? [] : [master]),
      remove: () => sentinel.remove(),
    };
  });
}
