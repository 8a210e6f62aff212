import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ROOT } from '../../src/cli/dev/root.ts';
import { type Settings, startNode } from '../../src/cli/dev/servers.ts';
import { cpuUs } from '../support/cpu.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';
import { type Store, startStore } from '../support/store.ts';
import type { LoadResult, Order, Pairs, Reply } from './load.ts';

/** Microseconds of processor time since each process began, by what it is. */
export interface Cpu {
  readonly nodes: number;
  readonly redis: number;
  readonly clients: number;
  /** `redis` by shard. */
  readonly shards: readonly number[];
}

/** One server of what is measured. */
export interface RigNode {
  readonly pid: number;
  /** `ws://…/ws` */
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Real nodes, a real Redis and client processes, for one run. */
export class Rig {
  readonly #nodes: readonly RigNode[];
  readonly #store: Store;
  readonly #workers: readonly ChildProcess[];

  static async start(shape: {
    readonly nodes: number;
    readonly workers: number;
    /** One Redis if not said. */
    readonly startStore?: () => Promise<Store>;
    readonly startNode: (redisUrl: string, number: number) => Promise<RigNode>;
  }): Promise<Rig> {
    const store = await (shape.startStore?.() ?? startStore(1));
    const nodes: RigNode[] = [];
    for (let n = 1; n <= shape.nodes; n += 1) nodes.push(await shape.startNode(store.url, n));
    const program = fileURLToPath(new URL('./worker.mjs', import.meta.url));
    const workers = Array.from({ length: shape.workers }, () => fork(program, { stdio: 'inherit' }));
    return new Rig({ nodes, store, workers });
  }

  private constructor(parts: {
    readonly nodes: readonly RigNode[];
    readonly store: Store;
    readonly workers: readonly ChildProcess[];
  }) {
    this.#nodes = parts.nodes;
    this.#store = parts.store;
    this.#workers = parts.workers;
  }

  get nodes(): readonly RigNode[] {
    return this.#nodes;
  }

  get store(): Store {
    return this.#store;
  }

  /**
   * The nodes stand in a ring, and each pair of users has its sender on one and its recipient on the next: every
   * envelope crosses (with one node it does not), and every node has as many senders as recipients.
   */
  async connect(pairs: Omit<Pairs, 'urls'>): Promise<void> {
    const urls = this.#nodes.map(({ url }) => url);
    const count = Math.ceil(pairs.count / this.#workers.length);
    await Promise.all(
      this.#workers.map((worker) => ask(worker, { do: 'connect', pairs: { ...pairs, count, urls } })),
    );
  }

  /** The same order to every client process; an open load is shared between them. */
  async run(order: Extract<Order, { do: 'sign' | 'run' }>): Promise<readonly LoadResult[]> {
    const share = this.#workers.length;
    const mine: Order =
      order.do === 'sign'
        ? { ...order, envelopes: order.envelopes / share }
        : order.load.mode === 'open'
          ? { do: 'run', load: { ...order.load, perSecond: order.load.perSecond / share } }
          : order;
    const replies = await Promise.all(this.#workers.map((worker) => ask(worker, mine)));
    return replies.flatMap((reply) => (reply.done === 'run' ? [reply.result] : []));
  }

  /** Of nodes that were started with a profile folder: what they did before, starting above all, is left out. */
  startProfiles(): void {
    for (const { pid } of this.#nodes) process.kill(pid, 'SIGUSR2');
  }

  cpu(): Cpu {
    const of = (pids: readonly number[]) => pids.map(cpuUs);
    const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
    const shards = of(this.#store.pids);
    return {
      nodes: sum(of(this.#nodes.map((node) => node.pid))),
      redis: sum(shards),
      clients: sum(of(this.#workers.map((worker) => worker.pid ?? 0))),
      shards,
    };
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill();
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#store.stop();
  }
}

async function ask(worker: ChildProcess, order: Order): Promise<Reply> {
  worker.send(order);
  const [reply] = (await once(worker, 'message')) as [Reply];
  if (reply.done === 'failed') throw new Error(reply.why);
  return reply;
}

const PROFILER = pathToFileURL(join(ROOT, 'loadtest/profile/preload.mjs'));

/** A node of ours. */
export async function startKeyrelay(start: {
  readonly redisUrl: string;
  readonly number: number;
  /** Where it writes what it spent its time on; null: nowhere. */
  readonly profileFolder: string | null;
  readonly settings?: Settings;
}): Promise<RigNode> {
  const { redisUrl, number, profileFolder, settings = {} } = start;
  const { child, port } = await startNode({
    ...LIMITS_OFF,
    RELAY_REDIS_URL: redisUrl,
    RELAY_NODE_ID: `bench${number}`,
    ...settings,
    ...(profileFolder === null
      ? {}
      : { NODE_OPTIONS: `--import=${PROFILER}`, PROFILE_FOLDER: profileFolder }),
  });
  return { pid: child.pid, url: `ws://127.0.0.1:${port}/ws`, stop: () => child.stop() };
}
