import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from '../../src/cli/install.ts';
import { type RedisServer, startNode, startRedis } from '../../src/cli/servers.ts';
import { cpuUs } from '../cpu.ts';
import { LIMITS_OFF } from '../limits-off.ts';
import type { LoadResult, Order, Pairs, Reply } from './load.ts';

/** Microseconds of processor time since each process began, by what it is. */
export interface Cpu {
  readonly nodes: number;
  readonly redis: number;
  readonly clients: number;
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
  readonly #redis: RedisServer;
  readonly #workers: readonly ChildProcess[];

  static async start(shape: {
    readonly nodes: number;
    readonly workers: number;
    readonly startNode: (redisUrl: string, number: number) => Promise<RigNode>;
  }): Promise<Rig> {
    ensureInstalled(['redis-server'], (line) => console.log(line));
    const redis = await startRedis();
    const nodes: RigNode[] = [];
    for (let n = 1; n <= shape.nodes; n += 1) nodes.push(await shape.startNode(redis.url, n));
    const program = fileURLToPath(new URL('./worker.mjs', import.meta.url));
    const workers = Array.from({ length: shape.workers }, () => fork(program, { stdio: 'inherit' }));
    return new Rig({ nodes, redis, workers });
  }

  private constructor(parts: {
    readonly nodes: readonly RigNode[];
    readonly redis: RedisServer;
    readonly workers: readonly ChildProcess[];
  }) {
    this.#nodes = parts.nodes;
    this.#redis = parts.redis;
    this.#workers = parts.workers;
  }

  /** Senders on one node, recipients on the next: every envelope crosses. */
  async connect(pairs: Omit<Pairs, 'from' | 'to'>): Promise<void> {
    await Promise.all(
      this.#workers.map((worker, index) => {
        const url = (offset: number) => this.#nodes[(index + offset) % this.#nodes.length]?.url ?? '';
        return ask(worker, { do: 'connect', pairs: { ...pairs, from: url(0), to: url(1) } });
      }),
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
    const sum = (pids: readonly number[]) => pids.map(cpuUs).reduce((a, b) => a + b, 0);
    return {
      nodes: sum(this.#nodes.map((node) => node.pid)),
      redis: sum([this.#redis.child.pid]),
      clients: sum(this.#workers.map((worker) => worker.pid ?? 0)),
    };
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill();
    await Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#redis.stop();
  }
}

async function ask(worker: ChildProcess, order: Order): Promise<Reply> {
  worker.send(order);
  const [reply] = (await once(worker, 'message')) as [Reply];
  if (reply.done === 'failed') throw new Error(reply.why);
  return reply;
}

/** From .cache/loadtest-<folder>, where this runs. */
const PROFILER = new URL('../../loadtest/profile.mjs', import.meta.url);

/** A node of ours. */
export async function startKeyrelay(start: {
  readonly redisUrl: string;
  readonly number: number;
  /** Where it writes what it spent its time on; null: nowhere. */
  readonly profileFolder: string | null;
}): Promise<RigNode> {
  const { redisUrl, number, profileFolder } = start;
  const { child, port } = await startNode({
    ...LIMITS_OFF,
    RELAY_REDIS_URL: redisUrl,
    RELAY_NODE_ID: `bench${number}`,
    ...(profileFolder === null
      ? {}
      : { NODE_OPTIONS: `--import=${PROFILER}`, PROFILE_FOLDER: profileFolder }),
  });
  return { pid: child.pid, url: `ws://127.0.0.1:${port}/ws`, stop: () => child.stop() };
}
