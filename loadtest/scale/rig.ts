import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../src/cli/dev/root.ts';
import { cpuUs, residentBytes } from '../../test/support/proc.ts';
import { Fleet } from '../../test/support/servers/fleet.ts';
import type { RelayNode } from '../../test/support/servers/relay-node.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';
import { Workers } from '../support/workers.ts';
import type { Order, Reply } from './orders.ts';
import { connectionsOfAProcess, FILES_OF_ITS_OWN } from './parameters.ts';

export interface Usage {
  readonly nodesUs: number;
  readonly redisUs: number;
  readonly nodesBytes: number;
  readonly redisBytes: number;
}

/** Nodes, one Redis and client processes. */
export class Rig {
  readonly #fleet: Fleet;
  readonly #workers: Workers<Order, Reply>;
  /** Where collect.mjs writes. */
  readonly #heaps: string;

  static async start(wanted: { readonly nodes: number; readonly clients: number }): Promise<Rig> {
    const heaps = mkdtempSync(join(tmpdir(), 'keyrelay-heaps-'));
    const fleet = await Fleet.start({
      nodes: wanted.nodes,
      store: { kind: 'redis', deployed: true },
      settings: {
        ...LIMITS_OFF,
        RELAY_MAX_SOCKETS: `${connectionsOfAProcess() + FILES_OF_ITS_OWN / 2}`,
        RELAY_MAX_PENDING: '20000',
        RELAY_MAILBOX_ENVELOPES: '100000',
        RELAY_MAILBOX_BYTES: '268435456',
        NODE_OPTIONS: `--import=${pathToFileURL(join(ROOT, 'loadtest/support/collect.mjs'))}`,
        HEAPS_FOLDER: heaps,
      },
    });
    return new Rig(fleet, wanted.clients, heaps);
  }

  private constructor(fleet: Fleet, clients: number, heaps: string) {
    this.#heaps = heaps;
    this.#fleet = fleet;
    this.#workers = new Workers('scale/worker', clients);
  }

  get nodes(): readonly RelayNode[] {
    return this.#fleet.nodes;
  }

  get urls(): readonly string[] {
    return this.#fleet.urls;
  }

  get clients(): number {
    return this.#workers.count;
  }

  /** One order to every client process. */
  async ask<Done extends Reply['done']>(
    done: Done,
    orderOf: (index: number) => Extract<Order, { do: Done }>,
  ): Promise<readonly Extract<Reply, { done: Done }>[]> {
    const replies = await this.#workers.ask(orderOf);
    return replies.filter((reply): reply is Extract<Reply, { done: Done }> => reply.done === done);
  }

  /** `users` in all, over the client processes. */
  async register(users: number, protocol: 1 | 2): Promise<void> {
    await this.ask('register', (index) => ({
      do: 'register',
      users: this.shareOf(users, index),
      urls: this.urls,
      network: `127.0.${index + 1}`,
      protocol,
    }));
  }

  /** Of client process `index`, when `users` are dealt out. */
  shareOf(users: number, index: number): number {
    return Math.floor(users / this.clients) + (index < users % this.clients ? 1 : 0);
  }

  usage(): Usage {
    const sum = (of: (pid: number) => number, processes: readonly { readonly pid: number }[]) =>
      processes.reduce((total, { pid }) => total + of(pid), 0);
    const { servers } = this.#fleet.store;
    return {
      nodesUs: sum(cpuUs, this.nodes),
      redisUs: sum(cpuUs, servers),
      nodesBytes: sum(residentBytes, this.nodes),
      redisBytes: sum(residentBytes, servers),
    };
  }

  /** Of all nodes, right after the last `collect`: exact, where resident memory depends on the pages that V8 gives back. */
  get heapBytes(): number {
    return this.nodes.reduce((sum, { pid }) => sum + Number(readFileSync(join(this.#heaps, `${pid}`))), 0);
  }

  since(before: Usage): Pick<Usage, 'nodesUs' | 'redisUs'> {
    const after = this.usage();
    return { nodesUs: after.nodesUs - before.nodesUs, redisUs: after.redisUs - before.redisUs };
  }

  /** Makes the nodes collect their garbage, and waits until they have. */
  async collect(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      for (const node of this.nodes) node.signal('SIGUSR2');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
  }

  async stop(): Promise<void> {
    this.#workers.stop();
    await this.#fleet.remove();
    rmSync(this.#heaps, { recursive: true, force: true });
  }
}
