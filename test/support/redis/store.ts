import { type RedisConf, type RedisServer, startRedis } from './redis.ts';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { type RedisSentinel, startSentinel } from './redis-sentinel.ts';

export interface StoreOptions {
  readonly kind: 'memory' | 'redis' | 'sentinel' | 'cluster';
  readonly conf?: RedisConf;
  /** With deploy/redis/redis.conf, as operators run it; `conf` is stronger. */
  readonly deployed?: boolean;
  /** Of a Cluster. Default: 3. */
  readonly masters?: number;
  /** Of each master of a Cluster. Default: 0. */
  readonly replicas?: 0 | 1;
}

/** What the nodes of a fleet share. */
export interface Store {
  /** As RELAY_REDIS_URL takes it; null in memory. */
  readonly url: string | null;
  /** Every server that holds data; none in memory. */
  readonly servers: readonly RedisServer[];
  /** The one Redis, the Cluster or the Sentinel that it is. */
  readonly redis: RedisServer | null;
  readonly cluster: RedisCluster | null;
  readonly sentinel: RedisSentinel | null;
  remove(): Promise<void>;
}

const NOTHING = { redis: null, cluster: null, sentinel: null };

export async function startStore(options: StoreOptions): Promise<Store> {
  const { kind, conf = {}, deployed = false } = options;
  if (kind === 'memory') return { ...NOTHING, url: null, servers: [], remove: async () => undefined };
  if (kind === 'redis') {
    const redis = await startRedis(conf, { deployed });
    return { ...NOTHING, redis, url: redis.url, servers: [redis], remove: () => redis.remove() };
  }
  if (kind === 'sentinel') {
    const sentinel = await startSentinel({ replicas: 2, sentinels: 3, downAfterMs: 2_000, conf });
    return {
      ...NOTHING,
      sentinel,
      url: sentinel.url,
      servers: sentinel.servers,
      remove: () => sentinel.remove(),
    };
  }
  const { masters = 3, replicas = 0 } = options;
  const cluster = await startRedisCluster({ masters, replicas, conf, deployed });
  const remove = () => cluster.remove();
  return { ...NOTHING, cluster, url: cluster.urls.join(','), servers: cluster.servers, remove };
}

/** The servers that hold the data now, by their own word; after a failover they are others. */
export async function mastersOf({ servers }: Pick<Store, 'servers'>): Promise<readonly RedisServer[]> {
  const roles = await Promise.all(
    servers.map(async (server) => ((await server.call('ROLE')) as string[])[0]),
  );
  return servers.filter((_, index) => roles[index] === 'master');
}
