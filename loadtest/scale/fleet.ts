import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from '../../src/cli/install.ts';
import { type NodeServer, type RedisServer, startNode, startRedis } from '../../src/cli/servers.ts';
import { cpuUs, openFilesMax, residentBytes } from '../cpu.ts';
import { LIMITS_OFF } from '../limits-off.ts';
import type { Order, Reply } from './orders.ts';

/** Files of a process that are no connections of clients: libraries, Redis, logs. */
const FILES_OF_ITS_OWN = 1_000;
/** Of one source address to one port: net.ipv4.ip_local_port_range has 28,232 by default. */
const PORTS_OF_AN_ADDRESS = 20_000;

export interface Usage {
  readonly nodesUs: number;
  readonly redisUs: number;
  readonly nodesBytes: number;
  readonly redisBytes: number;
}

/** Nodes, a Redis and client processes: as many as the limit of open files asks for. */
export class Fleet {
  readonly nodes: readonly NodeServer[];
  readonly #redis: RedisServer;
  readonly #workers: readonly ChildProcess[];

  static async start(wanted: { readonly connections: number; readonly nodesMin: number }): Promise<Fleet> {
    ensureInstalled(['redis-server'], (line) => console.log(line));
    const files = Math.min(openFilesMax() - FILES_OF_ITS_OWN, PORTS_OF_AN_ADDRESS);
    const processes = Math.ceil(wanted.connections / files);
    const redis = await startRedis();
    const nodes: NodeServer[] = [];
    for (let n = 1; n <= Math.max(wanted.nodesMin, processes); n += 1) {
      nodes.push(
        await startNode({
          ...LIMITS_OFF,
          RELAY_REDIS_URL: redis.url,
          RELAY_NODE_ID: `scale${n}`,
          RELAY_MAX_SOCKETS: `${files + FILES_OF_ITS_OWN / 2}`,
          RELAY_MAX_PENDING: '20000',
          RELAY_MAILBOX_ENVELOPES: '100000',
          RELAY_MAILBOX_BYTES: '268435456',
          NODE_OPTIONS: `--import=${new URL('../../loadtest/collect.mjs', import.meta.url)}`,
        }),
      );
    }
    const program = fileURLToPath(new URL('./worker.mjs', import.meta.url));
    const workers = Array.from({ length: Math.max(2, processes) }, () => fork(program, { stdio: 'inherit' }));
    return new Fleet({ nodes, redis, workers });
  }

  private constructor(parts: {
    readonly nodes: readonly NodeServer[];
    readonly redis: RedisServer;
    readonly workers: readonly ChildProcess[];
  }) {
    this.nodes = parts.nodes;
    this.#redis = parts.redis;
    this.#workers = parts.workers;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ port }) => `ws://127.0.0.1:${port}/ws`);
  }

  get clients(): number {
    return this.#workers.length;
  }

  /** One order to every client process. */
  ask(orderOf: (index: number) => Order): Promise<readonly Reply[]> {
    return Promise.all(
      this.#workers.map(async (worker, index) => {
        worker.send(orderOf(index));
        const [reply] = (await once(worker, 'message')) as [Reply];
        if (reply.done === 'failed') throw new Error(reply.why);
        return reply;
      }),
    );
  }

  usage(): Usage {
    const nodes = this.nodes.map(({ child }) => child.pid);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      nodesUs: sum(nodes.map(cpuUs)),
      redisUs: cpuUs(this.#redis.child.pid),
      nodesBytes: sum(nodes.map(residentBytes)),
      redisBytes: residentBytes(this.#redis.child.pid),
    };
  }

  /** Makes the nodes collect their garbage, and waits until they have. */
  async collect(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      for (const { child } of this.nodes) child.signal('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill();
    await Promise.all(this.nodes.map((node) => node.child.stop()));
    await this.#redis.stop();
  }
}
