import { until } from '../until.ts';
import { type RedisConf, type RedisServer, startRedis } from './redis.ts';

const SLOTS = 16_384;
const READY_TIMEOUT_MS = 60_000;

/** A real Redis Cluster on loopback. */
export interface RedisCluster {
  /** As they were made; after a failover `masters[0]` may be a replica. */
  readonly masters: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  readonly servers: readonly RedisServer[];
  /** One URL per master, as RELAY_REDIS_URL takes them. */
  readonly urls: readonly string[];
  /** Resolves when every running server says that the cluster is whole. */
  untilOk(servers?: readonly RedisServer[]): Promise<void>;
  /** Resolves when every server tells clients that this one is reached at that port. The others go on as before. */
  announce(server: RedisServer, port: number): Promise<void>;
  remove(): Promise<void>;
}

export async function startRedisCluster(options: {
  readonly masters: number;
  /** Per master. */
  readonly replicas?: 0 | 1;
  readonly conf?: RedisConf;
  readonly deployed?: boolean;
}): Promise<RedisCluster> {
  const conf = {
    'cluster-enabled': 'yes',
    // Failovers within a test's patience.
    'cluster-node-timeout': '1000',
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
    ...options.conf,
  };
  const { deployed = false } = options;
  const start = (count: number) =>
    Promise.all(Array.from({ length: count }, () => startRedis(conf, { deployed })));
  const masters = await start(options.masters);
  const replicas = await start(options.masters * (options.replicas ?? 0));
  const servers = [...masters, ...replicas];

  await meet(servers);
  await Promise.all(masters.map((master, index) => giveSlots(master, index, masters.length)));
  await untilOk(servers);
  await Promise.all(
    replicas.map(async (replica, index) => {
      const master = masters[index % masters.length];
      if (master !== undefined)
        await replica.call('CLUSTER', 'REPLICATE', String(await master.call('CLUSTER', 'MYID')));
    }),
  );
  for (const replica of replicas) {
    await until(async () => /master_link_status:up/.test(String(await replica.call('INFO', 'replication'))), {
      what: `the replica at port ${replica.port} to follow its master`,
      timeoutMs: READY_TIMEOUT_MS,
    });
  }
  return {
    masters,
    replicas,
    servers,
    urls: masters.map(({ url }) => url),
    untilOk: (some = servers) => untilOk(some),
    announce: (server, port) => announce(servers, server, port),
    remove: async () => {
      await Promise.all(servers.map((server) => server.remove()));
    },
  };
}

async function busPort(server: RedisServer): Promise<string> {
  return ((await server.call('CONFIG', 'GET', 'cluster-port')) as string[])[1] ?? '';
}

async function announce(servers: readonly RedisServer[], server: RedisServer, port: number): Promise<void> {
  // Without it the port among servers would be derived from the announced one.
  await server.call('CONFIG', 'SET', 'cluster-announce-bus-port', await busPort(server));
  await server.call('CONFIG', 'SET', 'cluster-announce-port', port);
  for (const other of servers) {
    await until(async () => JSON.stringify(await other.call('CLUSTER', 'SLOTS')).includes(`${port}`), {
      what: `port ${other.port} to say that ${server.port} is at ${port}`,
      timeoutMs: READY_TIMEOUT_MS,
    });
  }
}

/** All servers meet the first; gossip does the rest. Distinct epochs spare the nodes from settling them. */
async function meet(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server, index) => server.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)));
  const [first, ...others] = servers;
  if (first === undefined) return;
  for (const other of others) {
    await first.call('CLUSTER', 'MEET', '127.0.0.1', other.port, await busPort(other));
  }
}

async function giveSlots(master: RedisServer, index: number, masters: number): Promise<void> {
  const from = Math.floor((index * SLOTS) / masters);
  const to = Math.floor(((index + 1) * SLOTS) / masters) - 1;
  await master.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
}

async function untilOk(servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) {
    await until(
      async () => {
        const info = String(await server.call('CLUSTER', 'INFO'));
        return (
          /cluster_state:ok/.test(info) && new RegExp(`cluster_known_nodes:${servers.length}\\b`).test(info)
        );
      },
      { what: `cluster_state:ok at port ${server.port}`, timeoutMs: READY_TIMEOUT_MS },
    );
  }
}
