import type { Settings } from '../../../src/cli/dev/servers.ts';
import type { Random } from '../../support/random.ts';
import type { RedisConf, RedisServer } from '../../support/redis/redis.ts';
import { mastersOf, type Store, type StoreOptions, startStore } from '../../support/redis/store.ts';
import { Fleet } from '../../support/servers/fleet.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { TcpProxy } from '../injectors/proxy.ts';

export interface RigOptions {
  readonly nodes: number;
  readonly store: StoreOptions['kind'];
  /** Per master of a Cluster. Default: 1. */
  readonly replicas?: 0 | 1;
  readonly redisConf?: RedisConf;
  readonly settings?: Settings;
  /** One Redis: each node reaches it through a proxy of its own. A Cluster: each master is reached through one. */
  readonly proxied?: boolean;
  /** How long a node may take to start. Default: a minute. */
  readonly startTimeoutMs?: number;
  /** What one node alone is started with. */
  readonly settingsOf?: (index: number) => Settings;
}

/** Rates are what tests of rates are for; and a client that is gone is noticed soon. */
const SETTINGS: Settings = {
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_PING_INTERVAL_MS: '2000',
  RELAY_WEB: 'false',
  // As it is set by default.
  RELAY_DRAIN_MS: '',
};

/** For scenarios that leave much waiting: no mailbox, and no share of a sender in it, is ever full. */
export const ROOMY_MAILBOXES: Settings = {
  RELAY_MAILBOX_ENVELOPES: '50000',
  RELAY_MAILBOX_BYTES: '100000000',
};

/** Real nodes and a real store, to be broken. */
export class Rig {
  readonly nodes: readonly RelayNode[];
  readonly store: Store;
  /** If the rig is proxied: one per node, or with a Cluster one per master. */
  readonly proxies: readonly TcpProxy[];
  /** Like a load balancer: any node that is listed. */
  readonly dial: () => string;
  readonly #fleet: Fleet;

  static async start(
    options: RigOptions,
    run: { readonly main: string; readonly random: Random },
  ): Promise<Rig> {
    const { store: kind, proxied = false, replicas = 1, settings, settingsOf = () => ({}) } = options;
    const { startTimeoutMs } = options;
    const conf = { 'maxmemory-policy': 'noeviction', appendonly: 'yes', ...options.redisConf };
    const store = await startStore({ kind, conf, replicas });
    const proxies: TcpProxy[] = [];
    const addProxy = async (port: number) => {
      const random = run.random.fork(`proxy ${proxies.length}`);
      const proxy = await TcpProxy.start({ port, redis: true }, random);
      proxies.push(proxy);
      return proxy;
    };
    if (proxied) {
      for (const master of store.cluster?.masters ?? [])
        await store.cluster?.announce(master, (await addProxy(master.port)).port);
      for (let node = 0; store.redis !== null && node < options.nodes; node += 1)
        await addProxy(store.redis.port);
    }
    const urlOf = (index: number): Settings =>
      proxied && store.redis !== null ? { RELAY_REDIS_URL: `redis://127.0.0.1:${proxies[index]?.port}` } : {};
    const fleet = await Fleet.start({
      nodes: options.nodes,
      store,
      main: run.main,
      keepsPorts: true,
      untilReady: true,
      ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }),
      settings: { ...SETTINGS, ...settings },
      settingsOf: (index) => ({ ...urlOf(index), ...settingsOf(index) }),
    });
    return new Rig(fleet, proxies, run.random.fork('dial'));
  }

  private constructor(fleet: Fleet, proxies: readonly TcpProxy[], random: Random) {
    this.#fleet = fleet;
    this.nodes = fleet.nodes;
    this.store = fleet.store;
    this.proxies = proxies;
    this.dial = () => fleet.dial(() => random.next());
  }

  /** The servers that hold the data now; none in memory. */
  async masters(): Promise<readonly RedisServer[]> {
    const { sentinel, redis } = this.store;
    if (sentinel === null) return redis === null ? mastersOf(this.store) : [redis];
    const port = await sentinel.masterPort();
    return sentinel.servers.filter((server) => server.port === port);
  }

  /** One Redis, for scenarios that ask for it. */
  get redis(): RedisServer {
    if (this.store.redis === null) throw new Error('this rig has not one Redis');
    return this.store.redis;
  }

  node(index: number): RelayNode {
    return this.#fleet.node(index);
  }

  proxy(index: number): TcpProxy {
    const proxy = this.proxies[index];
    if (proxy === undefined) throw new Error('this rig is not proxied');
    return proxy;
  }

  get unexpectedEnds(): readonly string[] {
    return this.#fleet.unexpectedEnds;
  }

  /** Ends everything. */
  async remove(): Promise<void> {
    await this.#fleet.remove();
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
  }
}
