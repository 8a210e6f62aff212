import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ROOT } from '../../src/cli/dev/root.ts';
import { type NodeServer, startNode } from '../../src/cli/dev/servers.ts';
import { cpuUs, residentBytes } from '../support/cpu.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';
import { type Store, startStore } from '../support/store.ts';
import type { Order, Reply } from './orders.ts';
import { connectionsOfAProcess, FILES_OF_ITS_OWN } from './parameters.ts';

export interface Usage {
  readonly nodesUs: number;
  readonly redisUs: number;
  readonly nodesBytes: number;
  readonly redisBytes: number;
}

/** Nodes, one Redis and client processes. */
export class Fleet {
  readonly nodes: readonly NodeServer[];
  readonly store: Store;
  readonly #workers: readonly ChildProcess[];

  static async start(wanted: { readonly nodes: number; readonly clients: number }): Promise<Fleet> {
    const store = await startStore(1);
    const nodes: NodeServer[] = [];
    for (let n = 1; n <= wanted.nodes; n += 1) {
      nodes.push(
        await startNode({
          ...LIMITS_OFF,
          RELAY_REDIS_URL: store.url,
          RELAY_NODE_ID: `scale${n}`,
          RELAY_MAX_SOCKETS: `${connectionsOfAProcess() + FILES_OF_ITS_OWN / 2}`,
          RELAY_MAX_PENDING: '20000',
          RELAY_MAILBOX_ENVELOPES: '100000',
          RELAY_MAILBOX_BYTES: '268435456',
          NODE_OPTIONS: `--import=${pathToFileURL(join(ROOT, 'loadtest/support/collect.mjs'))}`,
        }),
      );
    }
    const program = fileURLToPath(new URL('./fleet-worker.mjs', import.meta.url));
    const workers = Array.from({ length: wanted.clients }, () => fork(program, { stdio: 'inherit' }));
    return new Fleet({ nodes, store, workers });
  }

  private constructor(parts: {
    readonly nodes: readonly NodeServer[];
    readonly store: Store;
    readonly workers: readonly ChildProcess[];
  }) {
    this.nodes = parts.nodes;
    this.store = parts.store;
    this.#workers = parts.workers;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ port }) => `ws://127.0.0.1:${port}/ws`);
  }

  get clients(): number {
    return this.#workers.length;
  }

  /** One order to every client process. */
  async ask<Done extends Reply['done']>(
    done: Done,
    orderOf: (index: number) => Extract<Order, { do: Done }>,
  ): Promise<readonly Extract<Reply, { done: Done }>[]> {
    type Answer = Extract<Reply, { done: Done }>;
    const replies: readonly Reply[] = await Promise.all(
      this.#workers.map(async (worker, index) => {
        worker.send(orderOf(index));
        const [reply] = (await once(worker, 'message')) as [Reply];
        if (reply.done === 'failed') throw new Error(reply.why);
        return reply;
      }),
    );
    return replies.filter((reply: Reply): reply is Answer => reply.done === done);
  }

  /** `users` in all, over the client processes. */
  async register(users: number, protocol: 1 | 2): Promise<void> {
    await this.ask('register', (index) => ({
      do: 'register',
      users: this.shareOf(users, index),
      urls: this.urls,
      localAddress: `127.0.0.${index + 2}`,
      protocol,
    }));
  }

  /** Of client process `index`, when `users` are dealt out. */
  shareOf(users: number, index: number): number {
    return Math.floor(users / this.clients) + (index < users % this.clients ? 1 : 0);
  }

  usage(): Usage {
    const nodes = this.nodes.map(({ child }) => child.pid);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      nodesUs: sum(nodes.map(cpuUs)),
      redisUs: sum(this.store.pids.map(cpuUs)),
      nodesBytes: sum(nodes.map(residentBytes)),
      redisBytes: sum(this.store.pids.map(residentBytes)),
    };
  }

  since(before: Usage): Pick<Usage, 'nodesUs' | 'redisUs'> {
    const after = this.usage();
    return { nodesUs: after.nodesUs - before.nodesUs, redisUs: after.redisUs - before.redisUs };
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
    await this.store.stop();
  }
}
