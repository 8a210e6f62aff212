import { join } from 'node:path';
import { Child } from '../../../src/cli/dev/child.ts';
import { ROOT } from '../../../src/cli/dev/root.ts';
import type { Settings } from '../../../src/cli/dev/servers.ts';
import { startHaproxy } from '../services/haproxy.ts';
import { RelayNode } from './relay-node.ts';

/** The program, as it was built. */
export const MAIN = join(ROOT, 'dist/cli/main.js');

/** What stands in front of the nodes. */
export interface Balancer {
  readonly port: number;
  readonly http: string;
  readonly ws: string;
  readonly output: string;
}

/** Of a node that tests start: it refuses no login for the other work of their machine. */
export const ALONE: Settings = { RELAY_MAX_LAG_MS: '0' };

/** The processes of one test file. After `stop()` all have ended, whatever a test did. */
export class Processes {
  readonly #children: Pick<Child, 'signal' | 'exited'>[] = [];
  /** Also those that have ended. */
  readonly nodes: RelayNode[] = [];

  /** A node; without RELAY_REDIS_URL, in memory. */
  async relay(settings: Settings = {}): Promise<RelayNode> {
    const node = await RelayNode.start({ settings: { ...ALONE, ...settings } });
    this.#children.push(node);
    this.nodes.push(node);
    return node;
  }

  /** HAProxy with the file of deploy/. The nodes must list 127.0.0.1 in RELAY_TRUSTED_PROXIES to see client addresses. */
  async balancer(nodes: readonly RelayNode[]): Promise<Balancer> {
    const { port, child } = await startHaproxy({ port: 0, nodes });
    this.#children.push(child);
    const [http, ws] = [`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}/ws`];
    return {
      port,
      http,
      ws,
      get output() {
        return child.output;
      },
    };
  }

  /** `keyrelay` with these arguments. */
  keyrelay(args: readonly string[], settings: Settings = {}): Promise<Child> {
    return this.command(process.execPath, [MAIN, ...args], { ...process.env, ...settings });
  }

  /** Any other command. */
  async command(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<Child> {
    const child = await Child.start({ command, args, env });
    this.#children.push(child);
    return child;
  }

  /** Ends what still runs. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#children.splice(0).map((child) => {
        child.signal('SIGKILL');
        return child.exited();
      }),
    );
  }
}
