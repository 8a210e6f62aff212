import type { Settings } from '../../../src/cli/dev/servers.ts';
import { type RedisConf, type RedisServer, startRedis } from '../../support/servers/redis.ts';
import { type RedisCluster, startRedisCluster } from '../../support/servers/redis-cluster.ts';
import { type RedisSentinel, startSentinel } from '../../support/servers/redis-sentinel.ts';
import { mastersOf } from '../../support/servers/store.ts';
import { TcpProxy } from '../injectors/proxy.ts';
import type { Random } from '../random.ts';
import { RigNode } from './nodes.ts';

export interface RigOptions {
  readonly nodes: number;
  readonly store: 'memory' | 'redis' | 'sentinel' | 'cluster';
  /** Per master of a Cluster. Default: 1. */
  readonly replicas?: 0 | 1;
  readonly redisConf?: RedisConf;
  readonly settings?: Settings;
  /** One Redis: each node reaches it through a proxy of its own. A Cluster: each master is reached through one. */
  readonly proxied?: boolean;
  /** What one node alone is started with. */
  readonly settingsOf?: (index: number) => Settings;
}

/** Real nodes and a real store, to be broken. */
export class Rig {
  readonly nodes: readonly RigNode[];
  /** The one Redis; null with any other store. */
  readonly server: RedisServer | null;
  readonly cluster: RedisCluster | null;
  readonly sentinel: RedisSentinel | null;
  /** If the rig is proxied: one per node, or with a Cluster one per master. */
  readonly proxies: readonly TcpProxy[];
  readonly #random: Random;

  static async start(
    options: RigOptions,
    run: { readonly main: string; readonly random: Random },
  ): Promise<Rig> {
    const conf = { 'maxmemory-policy': 'noeviction', appendonly: 'yes', ...options.redisConf };
    const { store } = options;
    const server = store === 'redis' ? await startRedis(conf) : null;
    const cluster =
      store === 'cluster'
        ? await startRedisCluster({ masters: 3, replicas: options.replicas ?? 1, conf })
        : null;
    const sentinel =
      store === 'sentinel'
        ? await startSentinel({ replicas: 2, sentinels: 3, downAfterMs: 2_000, conf })
        : null;
    const proxies: TcpProxy[] = [];
    const nodes: RigNode[] = [];
    const rig = new Rig({ nodes, server, cluster, sentinel, proxies }, run.random.fork('dial'));
    const fork = (index: number) => run.random.fork(`proxy ${index}`);
    try {
      if (cluster !== null && options.proxied === true) {
        for (const [index, master] of cluster.masters.entries()) {
          const proxy = await TcpProxy.start({ port: master.port, redis: true }, fork(index));
          proxies.push(proxy);
          await cluster.announce(master, proxy.port);
        }
      }
      for (let index = 0; index < options.nodes; index += 1) {
        let url = sentinel?.url ?? cluster?.urls.join(',') ?? server?.url;
        if (server !== null && options.proxied === true) {
          const proxy = await TcpProxy.start({ port: server.port, redis: true }, fork(index));
          proxies.push(proxy);
          url = `redis://127.0.0.1:${proxy.port}`;
        }
        const name = `node-${index + 1}`;
        const settings = {
          RELAY_NODE_ID: name,
          ...(url === undefined ? {} : { RELAY_REDIS_URL: url }),
          ...options.settings,
          ...options.settingsOf?.(index),
        };
        nodes.push(await RigNode.start({ name, main: run.main, settings }));
      }
      return rig;
    } catch (error) {
      await rig.remove();
      throw error;
    }
  }

  private constructor(
    parts: Pick<Rig, 'nodes' | 'server' | 'cluster' | 'sentinel' | 'proxies'>,
    random: Random,
  ) {
    this.nodes = parts.nodes;
    this.server = parts.server;
    this.cluster = parts.cluster;
    this.sentinel = parts.sentinel;
    this.proxies = parts.proxies;
    this.#random = random;
  }

  /** The servers that hold the data now; none with the memory engine. */
  async masters(): Promise<readonly RedisServer[]> {
    if (this.cluster !== null) return mastersOf(this.cluster);
    if (this.sentinel !== null) {
      const port = await this.sentinel.masterPort();
      return this.sentinel.servers.filter((server) => server.port === port);
    }
    return this.server === null ? [] : [this.server];
  }

  /** One Redis, for scenarios that ask for it. */
  get redis(): RedisServer {
    if (this.server === null) throw new Error('this rig has not one Redis');
    return this.server;
  }

  node(index: number): RigNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`this rig has ${this.nodes.length} nodes, not node ${index}`);
    return node;
  }

  proxy(index: number): TcpProxy {
    const proxy = this.proxies[index];
    if (proxy === undefined) throw new Error('this rig is not proxied');
    return proxy;
  }

  /** Like a load balancer: any node that is listed. If none is, any. */
  readonly dial = (): string => {
    const listed = this.nodes.filter((node) => node.listed);
    return this.#random.pick(listed.length > 0 ? listed : this.nodes).ws;
  };

  get unexpectedEnds(): readonly string[] {
    return this.nodes.flatMap((node) => node.unexpectedEnds);
  }

  /** Ends everything. */
  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    await this.server?.remove();
    await this.cluster?.remove();
    await this.sentinel?.remove();
  }
}
