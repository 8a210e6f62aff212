import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MONITORING_TOOLS, type Monitoring, startMonitoring } from '../../src/cli/dev/monitoring.ts';
import { freePort, type HaproxyServer, type Settings } from '../../src/cli/dev/servers.ts';
import { Journal } from '../faults/checker/journal.ts';
import { Crowd } from '../faults/clients/crowd.ts';
import { TcpProxy } from '../faults/injectors/proxy.ts';
import { Random } from '../support/random.ts';
import { type RedisServer, startRedis } from '../support/redis/redis.ts';
import { ensureInstalled } from '../support/servers/install.ts';
import { RelayNode } from '../support/servers/relay-node.ts';
import { startHaproxy } from '../support/services/haproxy.ts';
import { until } from '../support/until.ts';
import { copyFaster } from './speed.ts';

/** Rates are what other tests are for; and a client that is gone is noticed soon. */
const SETTINGS: Settings = {
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_PING_INTERVAL_MS: '2000',
  RELAY_WEB: 'false',
  // As it is set by default.
  RELAY_DRAIN_MS: '',
};
/** Of HAProxy. */
export const MAX_CONNECTIONS = 1_000;

export interface StageOptions {
  /** How many times faster Prometheus' clock runs; see `copyFaster`. */
  readonly speed: number;
  /** Users who write to each other through HAProxy. */
  readonly people: number;
  readonly settings: Settings;
  /** Another build than this one. */
  readonly main?: string;
  /** Nodes beside the three, not behind HAProxy, each for one fault. */
  readonly extras: Readonly<Record<string, Settings>>;
}

/** The whole cluster with the files of deploy/, users, and a proxy before Redis that injects faults. */
export class Stage {
  readonly redis: RedisServer;
  /** Follows `redis`. */
  readonly replica: RedisServer;
  /** Between the nodes and Redis. */
  readonly proxy: TcpProxy;
  readonly nodes: readonly [RelayNode, RelayNode, RelayNode];
  readonly extras: Readonly<Record<string, RelayNode>>;
  readonly haproxy: HaproxyServer;
  readonly monitoring: Monitoring;
  readonly crowd: Crowd;
  readonly journal: Journal;
  readonly #folder: string;

  static async open(options: StageOptions): Promise<Stage> {
    ensureInstalled(...MONITORING_TOOLS);
    const folder = await mkdtemp(join(tmpdir(), 'keyrelay-drill-'));
    await copyFaster(folder, options.speed);
    const redis = await startRedis({}, { deployed: true });
    const replica = await startRedis({ replicaof: `127.0.0.1 ${redis.port}` }, { deployed: true });
    const random = new Random(7);
    const proxy = await TcpProxy.start({ port: redis.port, redis: true }, random.fork('proxy'));
    const common = {
      ...SETTINGS,
      ...options.settings,
      RELAY_REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      RELAY_TRUSTED_PROXIES: '127.0.0.1',
    };
    const { main } = options;
    const how = { keepsPorts: true, untilReady: true, ...(main === undefined ? {} : { main }) };
    const start = (id: string, settings: Settings = {}) =>
      RelayNode.start({ ...how, settings: { ...common, ...settings, RELAY_NODE_ID: id } });
    const nodes = [await start('node-1'), await start('node-2'), await start('node-3')] as const;
    const extras: Record<string, RelayNode> = {};
    for (const [id, settings] of Object.entries(options.extras)) extras[id] = await start(id, settings);
    const metricsPort = await freePort();
    const haproxy = await startHaproxy({ port: 0, nodes, metricsPort, maxConnections: MAX_CONNECTIONS });
    const http = `http://127.0.0.1:${haproxy.port}`;
    const monitoring = await startMonitoring({
      port: 0,
      nodes: [...nodes, ...Object.values(extras)],
      redisUrl: redis.url,
      haproxyMetricsPort: metricsPort,
      frontDoor: http,
      configFolder: folder,
    });
    const open = async () => (await fetch(http)).status !== 503;
    await until(open, { what: 'HAProxy to find its nodes', timeoutMs: 60_000 });
    const journal = new Journal();
    const dial = () => `ws://127.0.0.1:${haproxy.port}/ws`;
    const crowd = await Crowd.gather({ count: options.people, http, dial, journal, random });
    await crowd.connect();
    return new Stage({ redis, replica, proxy, nodes, extras, haproxy, monitoring, crowd, journal, folder });
  }

  private constructor(
    parts: Pick<
      Stage,
      'redis' | 'replica' | 'proxy' | 'nodes' | 'extras' | 'haproxy' | 'monitoring' | 'crowd' | 'journal'
    > & { readonly folder: string },
  ) {
    this.redis = parts.redis;
    this.replica = parts.replica;
    this.proxy = parts.proxy;
    this.nodes = parts.nodes;
    this.extras = parts.extras;
    this.haproxy = parts.haproxy;
    this.monitoring = parts.monitoring;
    this.crowd = parts.crowd;
    this.journal = parts.journal;
    this.#folder = parts.folder;
  }

  get http(): string {
    return `http://127.0.0.1:${this.haproxy.port}`;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.haproxy.port}/ws`;
  }

  extra(name: string): RelayNode {
    const node = this.extras[name];
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** Takes every target of a job away from Prometheus. Resolves with what gives them back. */
  async forgetTargets(job: string): Promise<() => Promise<void>> {
    const file = join(this.monitoring.targetsFolder, `${job}.yml`);
    const before = await readFile(file, 'utf8');
    await writeFile(file, '[]\n');
    return () => writeFile(file, before);
  }

  /** Names of the alerts that fire now. */
  async firing(): Promise<ReadonlySet<string>> {
    const answer = await this.#api<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts');
    const firing = answer.alerts.filter(({ state }) => state === 'firing');
    return new Set(firing.map(({ labels }) => labels.alertname));
  }

  /** The values of an expression now. */
  async query(expr: string): Promise<readonly number[]> {
    const answer = await this.#api<{ result: { value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expr)}`,
    );
    return answer.result.map(({ value }) => Number(value[1]));
  }

  /** The values of an expression over the last `seconds`, by its labels. */
  async range(
    expr: string,
    options: { readonly seconds: number; readonly stepS: number },
  ): Promise<readonly Curve[]> {
    const end = Date.now() / 1000;
    const query = new URLSearchParams({
      query: expr,
      start: `${end - options.seconds}`,
      end: `${end}`,
      step: `${options.stepS}`,
    });
    const { result } = await this.#api<{
      result: { metric: Record<string, string>; values: [number, string][] }[];
    }>(`query_range?${query}`);
    return result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([atS, value]) => ({ atS: atS - end + options.seconds, value: Number(value) })),
    }));
  }

  async close(): Promise<void> {
    this.crowd.leave();
    await this.monitoring.stop();
    await this.haproxy.child.stop();
    await Promise.all([...this.nodes, ...Object.values(this.extras)].map((node) => node.kill()));
    await this.proxy.stop();
    await this.redis.remove();
    await this.replica.remove();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #api<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.monitoring.port}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }
}

export interface Curve {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly { readonly atS: number; readonly value: number }[];
}
