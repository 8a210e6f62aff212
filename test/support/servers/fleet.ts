import type { Settings } from '../../../src/cli/dev/servers.ts';
import { type Store, type StoreOptions, startStore } from '../redis/store.ts';
import { type NodeOptions, RelayNode } from './relay-node.ts';

export interface FleetOptions extends NodeOptions {
  readonly nodes: number;
  /** What they share: options to start it, or one that runs and goes with the fleet. Default: memory, for one node. */
  readonly store?: StoreOptions | Store;
  /** What one node alone is started with, stronger than `settings`. */
  readonly settingsOf?: (index: number) => Settings;
}

/** Real nodes that share a real store. Node n has the id `node-n`. */
export class Fleet {
  readonly nodes: readonly RelayNode[];
  readonly store: Store;

  static async start(options: FleetOptions): Promise<Fleet> {
    const { store: wanted = { kind: 'memory' }, settingsOf = () => ({}) } = options;
    const store = 'kind' in wanted ? await startStore(wanted) : wanted;
    const start = (index: number) =>
      RelayNode.start({
        ...options,
        settings: {
          ...(store.url === null ? {} : { RELAY_REDIS_URL: store.url }),
          RELAY_NODE_ID: `node-${index + 1}`,
          ...options.settings,
          ...settingsOf(index),
        },
      });
    const started = await Promise.allSettled(
      Array.from({ length: options.nodes }, (_, index) => start(index)),
    );
    const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const fleet = new Fleet(nodes, store);
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined) return fleet;
    await fleet.remove();
    throw failed.reason;
  }

  private constructor(nodes: readonly RelayNode[], store: Store) {
    this.nodes = nodes;
    this.store = store;
  }

  node(index: number): RelayNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`this fleet has ${this.nodes.length} nodes, not node ${index}`);
    return node;
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ ws }) => ws);
  }

  /** Like a load balancer: any node that is listed; if none is, any. */
  dial(random: () => number = Math.random): string {
    const listed = this.nodes.filter((node) => node.listed);
    const from = listed.length > 0 ? listed : this.nodes;
    return from[Math.floor(random() * from.length)]?.ws ?? '';
  }

  get unexpectedEnds(): readonly string[] {
    return this.nodes.flatMap((node) => node.unexpectedEnds);
  }

  /** Ends everything. */
  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await this.store.remove();
  }
}
