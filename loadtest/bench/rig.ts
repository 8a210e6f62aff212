import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../src/cli/dev/root.ts';
import { type CpuSplit, cpuSplit, cpuUs, sleepsOf } from '../../test/support/proc.ts';
import type { RedisServer } from '../../test/support/redis/redis.ts';
import { type Store, startStore } from '../../test/support/redis/store.ts';
import { RelayNode } from '../../test/support/servers/relay-node.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';
import { Workers } from '../support/workers.ts';
import type { LoadResult, Order, Pairs, Reply } from './load.ts';

/** Microseconds of processor time since each process began, by what it is. */
export interface Cpu {
  readonly nodes: number;
  readonly redis: number;
  readonly clients: number;
  /** `redis` by shard. */
  readonly shards: readonly number[];
}

/** Since processes began, all of a kind together: what waking them has to do with. */
export interface Wakeful extends CpuSplit {
  /** How often they went to sleep. */
  readonly sleeps: number;
}

/** One server of what is measured. */
export interface RigNode {
  readonly pid: number;
  readonly ws: string;
  stop(): Promise<unknown>;
}

/** What the nodes share. */
export interface Shared extends Pick<Store, 'url' | 'remove'> {
  readonly servers: readonly Pick<RedisServer, 'pid'>[];
}

/** Real nodes, a real Redis and client processes, for one run. */
export class Rig<Kept extends Shared = Shared> {
  readonly nodes: readonly RigNode[];
  readonly store: Kept;
  readonly #workers: Workers<Order, Reply>;

  static async start<Kept extends Shared>(shape: {
    readonly nodes: number;
    readonly workers: number;
    readonly store: Kept;
    readonly startNode: (storeUrl: string, number: number) => Promise<RigNode>;
  }): Promise<Rig<Kept>> {
    const nodes: RigNode[] = [];
    for (let n = 1; n <= shape.nodes; n += 1) nodes.push(await shape.startNode(shape.store.url ?? '', n));
    return new Rig(nodes, shape.store, shape.workers);
  }

  private constructor(nodes: readonly RigNode[], store: Kept, workers: number) {
    this.nodes = nodes;
    this.store = store;
    this.#workers = new Workers('bench/worker', workers);
  }

  /**
   * The nodes stand in a ring, and each pair of users has its sender on one and its recipient on the next: every
   * envelope crosses (with one node it does not), and every node has as many senders as recipients.
   */
  async connect(pairs: Omit<Pairs, 'urls'>): Promise<void> {
    const urls = this.nodes.map(({ ws }) => ws);
    const count = Math.ceil(pairs.count / this.#workers.count);
    await this.#workers.ask(() => ({ do: 'connect', pairs: { ...pairs, count, urls } }));
  }

  /** The same order to every client process; an open load is shared between them. */
  async run(order: Extract<Order, { do: 'sign' | 'run' }>): Promise<readonly LoadResult[]> {
    const share = this.#workers.count;
    const mine: Order =
      order.do === 'sign'
        ? { ...order, envelopes: order.envelopes / share }
        : order.load.mode === 'open'
          ? { do: 'run', load: { ...order.load, perSecond: order.load.perSecond / share } }
          : order;
    const replies = await this.#workers.ask(() => mine);
    return replies.flatMap((reply) => (reply.done === 'run' ? [reply.result] : []));
  }

  /** Of nodes that were started with a profile folder: begins to record, or writes what was recorded. */
  toggleProfiles(): void {
    for (const { pid } of this.nodes) process.kill(pid, 'SIGUSR2');
  }

  cpu(): Cpu {
    const of = (processes: readonly { readonly pid: number }[]) => processes.map(({ pid }) => cpuUs(pid));
    const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
    const shards = of(this.store.servers);
    return {
      nodes: sum(of(this.nodes)),
      redis: sum(shards),
      clients: this.#workers.cpuUs(),
      shards,
    };
  }

  wakeful(): { readonly nodes: Wakeful; readonly redis: Wakeful } {
    return { nodes: wakefulOf(this.nodes), redis: wakefulOf(this.store.servers) };
  }

  async stop(): Promise<void> {
    this.#workers.stop();
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.store.remove();
  }
}

function wakefulOf(processes: readonly { readonly pid: number }[]): Wakeful {
  const splits = processes.map(({ pid }) => ({ ...cpuSplit(pid), sleeps: sleepsOf(pid) }));
  const sum = (of: keyof Wakeful) => splits.reduce((total, split) => total + split[of], 0);
  return { userUs: sum('userUs'), systemUs: sum('systemUs'), sleeps: sum('sleeps') };
}

/** As operators run it: one Redis, or a Cluster of several. */
export function startShards(shards: number): Promise<Store> {
  if (shards === 1) return startStore({ kind: 'redis', deployed: true });
  // A busy machine is no failed master.
  const conf = { 'cluster-node-timeout': '15000' };
  return startStore({ kind: 'cluster', masters: shards, deployed: true, conf });
}

const PROFILER = pathToFileURL(join(ROOT, 'loadtest/profile/preload.mjs'));

/** A node of ours. */
export function startKeyrelay(start: {
  readonly redisUrl: string;
  readonly number: number;
  /** Where it writes what it spent its time on; null: nowhere. */
  readonly profileFolder: string | null;
  /** Another build's cli/main.js. Default: this one's. */
  readonly main?: string;
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<RelayNode> {
  const { redisUrl, number, profileFolder, main, settings } = start;
  const profile =
    profileFolder === null ? {} : { NODE_OPTIONS: `--import=${PROFILER}`, PROFILE_FOLDER: profileFolder };
  return RelayNode.start({
    ...(main === undefined ? {} : { main }),
    settings: {
      ...LIMITS_OFF,
      RELAY_REDIS_URL: redisUrl,
      RELAY_NODE_ID: `bench${number}`,
      ...profile,
      ...settings,
    },
  });
}
