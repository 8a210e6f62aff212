import { until } from '../until.ts';
import { type RedisConf, type RedisServer, startRedis, untilReplication } from './redis.ts';

const MASTER_NAME = 'relay';
const READY_TIMEOUT_MS = 60_000;

/** One master, its replicas, and the sentinels that watch them. */
export interface RedisSentinel {
  /** As they were made: the first began as the master. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** `redis+sentinel://…`, as RELAY_REDIS_URL takes it. */
  readonly url: string;
  /** The port of the master by the sentinels' word. */
  masterPort(): Promise<number>;
  remove(): Promise<void>;
}

export async function startSentinel(options: {
  readonly replicas: number;
  readonly sentinels: 1 | 3;
  readonly conf?: RedisConf;
  /** Below the second in which sentinels ping and reconnect, one failover may bring about the next. Default: 500. */
  readonly downAfterMs?: number;
}): Promise<RedisSentinel> {
  const conf = { 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1', ...options.conf };
  const master = await startRedis(conf);
  const follow = { ...conf, replicaof: `127.0.0.1 ${master.port}` };
  const replicas = await Promise.all(Array.from({ length: options.replicas }, () => startRedis(follow)));
  await untilReplication(master, new RegExp(`connected_slaves:${options.replicas}\\b`));
  for (const replica of replicas) await untilReplication(replica, /master_link_status:up/);

  const sentinels: RedisServer[] = [];
  for (let index = 0; index < options.sentinels; index += 1) {
    const sentinel = await startRedis({}, { sentinel: true });
    const quorum = Math.floor(options.sentinels / 2) + 1;
    await sentinel.call('SENTINEL', 'MONITOR', MASTER_NAME, '127.0.0.1', master.port, quorum);
    await sentinel.call(
      'SENTINEL',
      'SET',
      MASTER_NAME,
      'down-after-milliseconds',
      options.downAfterMs ?? 500,
    );
    await sentinel.call('SENTINEL', 'SET', MASTER_NAME, 'failover-timeout', '3000');
    sentinels.push(sentinel);
  }
  for (const sentinel of sentinels) await untilKnown(sentinel, options.replicas, options.sentinels - 1);

  const servers = [master, ...replicas];
  return {
    servers,
    sentinels,
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`,
    masterPort: async () => {
      const [sentinel] = sentinels;
      const address = await sentinel?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME);
      return Number((address as string[])[1]);
    },
    remove: async () => {
      await Promise.all([...sentinels, ...servers].map((server) => server.remove()));
    },
  };
}

/** A sentinel can only order a failover once it has heard of the replicas and of its peers. */
async function untilKnown(sentinel: RedisServer, replicas: number, peers: number): Promise<void> {
  await until(
    async () => {
      const fields = (await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
      const field = (name: string) => Number(fields[fields.indexOf(name) + 1]);
      return field('num-slaves') === replicas && field('num-other-sentinels') === peers;
    },
    { what: `the sentinel at port ${sentinel.port} to know all servers`, timeoutMs: READY_TIMEOUT_MS },
  );
}
