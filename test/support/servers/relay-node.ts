import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Child } from '../../../src/cli/dev/child.ts';
import { type Settings, startNode } from '../../../src/cli/dev/servers.ts';
import { residentBytes } from '../proc.ts';
import { until } from '../until.ts';
import { evaluate, heldBytes } from './inspector.ts';

const READY_TIMEOUT_MS = 60_000;
const FETCH_TIMEOUT_MS = 20_000;

/**
 * Every client of a test comes from 127.0.0.1, so limits per address would count all of them as one. Tests of those
 * limits set them again.
 */
const ADDRESS_LIMITS_OFF: Settings = {
  RELAY_UPGRADES_PER_S: '0',
  RELAY_SOCKETS_PER_ADDRESS: '0',
  RELAY_PENDING_PER_ADDRESS: '0',
  RELAY_REGISTRATIONS_PER_MIN: '0',
  RELAY_LOOKUPS_PER_MIN: '0',
  // A test logs one user in more often than a person does in a day.
  RELAY_TAKEOVERS_MAX: '0',
  RELAY_DRAIN_MS: '0',
};

export interface NodeOptions {
  /** Stronger than `ADDRESS_LIMITS_OFF`. Ports are the kernel's choice. */
  readonly settings?: Settings;
  /** What runs instead of dist/cli/main.js. */
  readonly main?: string;
  /** It finds its ports again after a restart: they lie below those that the kernel gives to outgoing connections. */
  readonly keepsPorts?: boolean;
  /** How long it may take to listen, and to be ready. Default: a minute. */
  readonly startTimeoutMs?: number;
  /** Starting takes until `/readyz` says 200. Default: until it listens. */
  readonly untilReady?: boolean;
}

const STABLE_PORTS = { low: 11_000, high: 31_000 };

/**
 * A port that no other process of ours chooses while this one runs, though no node listens there at times: two nodes
 * would share it (SO_REUSEPORT), and with it their clients. A UDP socket on the same number keeps it.
 */
async function stablePort(): Promise<number> {
  for (;;) {
    const port = randomInt(STABLE_PORTS.low, STABLE_PORTS.high);
    if ((await isReserved(port)) && (await isFree(port))) return port;
  }
}

function isReserved(port: number): Promise<boolean> {
  const reservation = createSocket('udp4').unref();
  return new Promise((resolve) => {
    reservation.once('error', () => resolve(false));
    reservation.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** One relay node in a separate process, `node dist/cli/main.js serve`, which can be killed, stopped and started again. */
export class RelayNode {
  id = '';
  port = 0;
  adminPort = 0;
  /** Whether a load balancer would send new connections here. */
  listed = false;
  /** How its processes ended that nothing here had ended. */
  readonly unexpectedEnds: string[] = [];
  /** The largest resident memory that `residentBytes` has seen. */
  peakBytes = 0;
  readonly #options: NodeOptions;
  readonly #settings: Settings;
  #main: string | undefined;
  #child: Child | null = null;
  /** True from the moment that its end is wanted, and until it has started. */
  #ending = true;

  static async start(options: NodeOptions = {}): Promise<RelayNode> {
    const ports: Settings = options.keepsPorts
      ? { RELAY_PORT: `${await stablePort()}`, RELAY_ADMIN_PORT: `${await stablePort()}` }
      : {};
    const node = new RelayNode(options, ports);
    await node.start();
    return node;
  }

  /** Not started yet. */
  constructor(options: NodeOptions, ports: Settings = {}) {
    this.#options = options;
    this.#main = options.main;
    this.#settings = { ...ADDRESS_LIMITS_OFF, ...ports, ...options.settings };
  }

  /** A new process, after the last one has ended. */
  async start(): Promise<void> {
    this.#ending = true;
    // Where SIGUSR1 opens the inspector, for `heldBytes`.
    const inspector = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };
    const { startTimeoutMs, untilReady = false } = this.#options;
    const started = await startNode({ ...inspector, ...this.#settings }, this.#main, startTimeoutMs);
    const { child } = started;
    this.#child = child;
    Object.assign(this, { id: started.id, port: started.port, adminPort: started.adminPort });
    void child.exited().then((ended) => {
      if (this.#child !== child || this.#ending) return;
      this.listed = false;
      this.unexpectedEnds.push(`${this.id}: ${ended}\n${child.output.slice(-2_000)}`);
    });
    this.#ending = false;
    if (untilReady) await this.untilReady(startTimeoutMs);
    this.listed = true;
  }

  /** From the next start on it runs another build; without an argument, dist/cli/main.js. */
  become(main?: string): void {
    this.#main = main;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Its log and whatever else it wrote. */
  get output(): string {
    return this.#child?.output ?? '';
  }

  /** `exit code 0`, `SIGKILL` …; null while it runs. */
  get ended(): string | null {
    return this.#running.ended;
  }

  exited(): Promise<string> {
    return this.#running.exited();
  }

  signal(name: NodeJS.Signals): void {
    this.#running.signal(name);
  }

  /** SIGTERM: drains. Resolves with `ended`. */
  async stop(): Promise<string> {
    this.#ending = true;
    const ended = await this.#running.stop(READY_TIMEOUT_MS);
    this.listed = false;
    return ended;
  }

  /** `kill -9`. */
  kill(): Promise<string> {
    this.#ending = true;
    this.listed = false;
    this.signal('SIGKILL');
    return this.exited();
  }

  /** The process is stopped where it stands: sockets stay, nothing answers. */
  pause(): void {
    this.listed = false;
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
    this.listed = true;
  }

  /** Status 0 and why, while it does not answer. */
  async ready(): Promise<{ readonly status: number; readonly reason: string }> {
    try {
      const response = await this.#get('readyz');
      return { status: response.status, reason: (await response.text()).trim() };
    } catch (error) {
      return { status: 0, reason: String(error) };
    }
  }

  async untilReady(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const what = `${this.id} to be ready`;
    await until(async () => (await this.ready()).status === 200, { what, timeoutMs });
  }

  /** All series of all metrics, as Prometheus would read them; empty while it does not answer. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await this.#get('metrics').then(
      (response) => response.text(),
      () => '',
    );
    return new Map(
      [...text.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)].map(([, series = '', value]) => [
        series,
        Number(value),
      ]),
    );
  }

  /** The sum of a metric's series, all or those whose labels contain `labels` (`outcome="stored"`). */
  async metric(name: string, labels = ''): Promise<number> {
    const found = [...(await this.metrics())].filter(
      ([series]) => series.split('{', 1)[0] === name && series.includes(labels),
    );
    if (found.length === 0 && labels === '') throw new Error(`there is no metric ${name}`);
    return found.reduce((sum, [, value]) => sum + value, 0);
  }

  /** Waits until a metric, as `metric` reads it, is as it should be. */
  async untilMetric(name: string, isSo: (value: number) => boolean, labels = ''): Promise<void> {
    await until(async () => isSo(await this.metric(name, labels)), { what: `${name} ${labels}` });
  }

  /** 0 while it does not run. */
  residentBytes(): number {
    const bytes = residentBytes(this.pid);
    this.peakBytes = Math.max(this.peakBytes, bytes);
    return bytes;
  }

  /** What it holds after a full garbage collection. */
  async heldBytes(): Promise<number> {
    return heldBytes(await this.#inspector());
  }

  /** Runs JavaScript in its process. */
  async evaluate(expression: string): Promise<unknown> {
    return evaluate(await this.#inspector(), expression);
  }

  async #inspector(): Promise<string> {
    this.signal('SIGUSR1');
    const [, url = ''] = await this.#running.waitFor(/Debugger listening on (ws:\S+)/, READY_TIMEOUT_MS);
    return url;
  }

  get #running(): Child {
    if (this.#child === null) throw new Error('the node was never started');
    return this.#child;
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.adminPort}/${path}`, {
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
  }
}
