import { Child } from '../../../src/cli/dev/child.ts';
import {
  type HaproxyServer,
  type NodeServer,
  type Settings,
  startHaproxy,
  startNode,
} from '../../../src/cli/dev/servers.ts';
import { ensureInstalled } from './install.ts';

/**
 * Every test comes from 127.0.0.1, so limits per address would count all its clients as one. Tests of those limits
 * set them again.
 */
const TEST_SETTINGS: Settings = {
  RELAY_UPGRADES_PER_S: '0',
  RELAY_SOCKETS_PER_ADDRESS: '0',
  RELAY_PENDING_PER_ADDRESS: '0',
  RELAY_REGISTRATIONS_PER_MIN: '0',
  RELAY_LOOKUPS_PER_MIN: '0',
  // A test logs one user in more often than a person does in a day.
  RELAY_TAKEOVERS_MAX: '0',
  RELAY_DRAIN_MS: '0',
};

/** One relay node in a process of its own: `node dist/cli/main.js serve`. */
export class RelayProcess {
  readonly id: string;
  readonly port: number;
  readonly adminPort: number;
  readonly #child: Child;

  constructor({ id, port, adminPort, child }: NodeServer) {
    this.id = id;
    this.port = port;
    this.adminPort = adminPort;
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Its log and whatever else it wrote. */
  get output(): string {
    return this.#child.output;
  }

  /** `exit code 0`, `SIGKILL` …; null while it runs. */
  get ended(): string | null {
    return this.#child.ended;
  }

  exited(): Promise<string> {
    return this.#child.exited();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.signal(name);
  }

  /** SIGTERM: drains. Resolves with `ended`. */
  stop(): Promise<string> {
    return this.#child.stop();
  }

  /** `kill -9`. */
  kill(): Promise<string> {
    this.#child.signal('SIGKILL');
    return this.#child.exited();
  }

  /** The process is stopped where it stands: sockets stay, nothing answers. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  async ready(): Promise<{ readonly status: number; readonly reason: string }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}/readyz`);
    return { status: response.status, reason: (await response.text()).trim() };
  }

  /** The sum of a metric's series, all or those whose labels contain `labels` (`outcome="stored"`). */
  async metric(name: string, labels = ''): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}/metrics`);
    const samples = (await response.text()).matchAll(/^(\w+)(\{.*\})? (\S+)$/gm);
    const values = [...samples].filter(([, found, series = '']) => found === name && series.includes(labels));
    if (values.length === 0 && labels === '') throw new Error(`there is no metric ${name}`);
    return values.reduce((sum, [, , , value]) => sum + Number(value), 0);
  }
}

/** HAProxy with deploy/haproxy/haproxy.cfg. */
export class Balancer {
  readonly port: number;
  readonly #child: Child;

  constructor({ port, child }: HaproxyServer) {
    this.port = port;
    this.#child = child;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get output(): string {
    return this.#child.output;
  }
}

/** The processes of one test file. `afterAll(() => processes.stop())`, and none is left, whatever a test did. */
export class Processes {
  readonly #children: Child[] = [];

  /** A node; without RELAY_REDIS_URL, in memory. Ports are the kernel's choice. */
  async relay(settings: Settings = {}): Promise<RelayProcess> {
    const node = await startNode({ ...TEST_SETTINGS, ...settings });
    this.#children.push(node.child);
    return new RelayProcess(node);
  }

  /** HAProxy in front of three nodes. They must list 127.0.0.1 in RELAY_TRUSTED_PROXIES to see client addresses. */
  async balancer(nodes: readonly [RelayProcess, RelayProcess, RelayProcess]): Promise<Balancer> {
    ensureInstalled('haproxy');
    const haproxy = await startHaproxy({ port: 0, nodes });
    this.#children.push(haproxy.child);
    return new Balancer(haproxy);
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
