import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from '../../src/cli/install.ts';
import { type NodeServer, type RedisServer, startNode, startRedis } from '../../src/cli/servers.ts';
import { cpuUs } from '../cpu.ts';
import { LIMITS_OFF } from '../limits-off.ts';
import type { LoadResult, Order, Pairs, Reply } from './load.ts';

/** Microseconds of processor time since each process began, by what it is. */
export interface Cpu {
  readonly nodes: number;
  readonly redis: number;
  readonly clients: number;
}

/** Real nodes, a real Redis and client processes, for one run. */
export class Rig {
  readonly nodes: readonly NodeServer[];
  readonly redis: RedisServer;
  readonly #workers: readonly ChildProcess[];

  static async start(shape: {
    readonly nodes: number;
    readonly workers: number;
    /** Where each node writes what it spent its time on; null: nowhere. */
    readonly profileFolder: string | null;
  }): Promise<Rig> {
    ensureInstalled(['redis-server'], (line) => console.log(line));
    const redis = await startRedis();
    const nodes: NodeServer[] = [];
    for (let n = 0; n < shape.nodes; n += 1) {
      nodes.push(
        await startNode({
          ...LIMITS_OFF,
          RELAY_REDIS_URL: redis.url,
          RELAY_NODE_ID: `bench${n + 1}`,
          ...(shape.profileFolder === null ? {} : profiled(shape.profileFolder)),
        }),
      );
    }
    const program = fileURLToPath(new URL('./worker.mjs', import.meta.url));
    const workers = Array.from({ length: shape.workers }, () => fork(program, { stdio: 'inherit' }));
    return new Rig({ nodes, redis, workers });
  }

  private constructor(parts: {
    readonly nodes: readonly NodeServer[];
    readonly redis: RedisServer;
    readonly workers: readonly ChildProcess[];
  }) {
    this.nodes = parts.nodes;
    this.redis = parts.redis;
    this.#workers = parts.workers;
  }

  /** Senders on one node, recipients on the next: every envelope crosses. */
  async connect(pairs: Pick<Pairs, 'count' | 'payloadBytes' | 'protocol'>): Promise<void> {
    await Promise.all(
      this.#workers.map((worker, index) => {
        const url = (offset: number) =>
          `ws://127.0.0.1:${this.nodes[(index + offset) % this.nodes.length]?.port}/ws`;
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

  cpu(): Cpu {
    const sum = (pids: readonly number[]) => pids.map(cpuUs).reduce((a, b) => a + b, 0);
    return {
      nodes: sum(this.nodes.map((node) => node.child.pid)),
      redis: sum([this.redis.child.pid]),
      clients: sum(this.#workers.map((worker) => worker.pid ?? 0)),
    };
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill();
    await Promise.all(this.nodes.map((node) => node.child.stop()));
    await this.redis.stop();
  }
}

async function ask(worker: ChildProcess, order: Order): Promise<Reply> {
  worker.send(order);
  const [reply] = (await once(worker, 'message')) as [Reply];
  if (reply.done === 'failed') throw new Error(reply.why);
  return reply;
}

/** From .cache/loadtest-bench, where this runs. */
const PROFILER = new URL('../../loadtest/profile.mjs', import.meta.url);

function profiled(folder: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${PROFILER}`, PROFILE_FOLDER: folder };
}
