import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Child } from '../../../src/cli/dev/child.ts';
import { ROOT } from '../../../src/cli/dev/root.ts';
import type { Settings } from '../../../src/cli/dev/servers.ts';
import { until } from '../../support/until.ts';
import { heldBytes } from './inspector.ts';

/** As built by `npm run build`; mutants name another. */
export const BUILT_MAIN = join(ROOT, 'dist/cli/main.js');

const START_TIMEOUT_MS = 20_000;
const READY_TIMEOUT_MS = 20_000;
const FETCH_TIMEOUT_MS = 2_000;

/** All clients come from 127.0.0.1, and rates are what tests of rates are for. */
const NODE_SETTINGS: Settings = {
  RELAY_UPGRADES_PER_S: '0',
  RELAY_SOCKETS_PER_ADDRESS: '0',
  RELAY_PENDING_PER_ADDRESS: '0',
  RELAY_REGISTRATIONS_PER_MIN: '0',
  RELAY_LOOKUPS_PER_MIN: '0',
  RELAY_TAKEOVERS_MAX: '0',
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_BYTES_PER_S: '0',
  RELAY_PING_INTERVAL_MS: '2000',
  RELAY_WEB: 'false',
};

/** Below the ports that the kernel gives to outgoing connections, so that a killed node finds its own free again. */
const PORTS = { low: 11_000, high: 31_000 };

async function stablePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.low, PORTS.high);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** One relay node that is killed, stopped and started again, always on the same ports. */
export class RigNode {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  /** Whether a load balancer would send newcomers here. */
  listed = false;
  /** How processes ended that nobody had killed. */
  readonly unexpectedEnds: string[] = [];
  /** The largest resident memory seen, bytes. */
  peakBytes = 0;
  #main: string;
  readonly #settings: Settings;
  #child: Child | null = null;
  /** True from the moment that its end is wanted. */
  #ending = false;

  static async start(options: {
    readonly name: string;
    readonly main: string;
    readonly settings: Settings;
  }): Promise<RigNode> {
    const node = new RigNode(options, await stablePort(), await stablePort());
    await node.start();
    return node;
  }

  private constructor(
    options: { readonly name: string; readonly main: string; readonly settings: Settings },
    port: number,
    adminPort: number,
  ) {
    this.name = options.name;
    this.#main = options.main;
    this.#settings = options.settings;
    this.port = port;
    this.adminPort = adminPort;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.ended === null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get output(): string {
    return this.#child?.output ?? '';
  }

  /** From the next start on it runs this build. */
  become(main: string): void {
    this.#main = main;
  }

  /** A new process; resolves when it is ready. */
  async start(): Promise<void> {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('RELAY_'));
    const env = {
      ...Object.fromEntries(inherited),
      ...NODE_SETTINGS,
      ...this.#settings,
      // For `heldBytes`: where SIGUSR1 opens the inspector.
      NODE_OPTIONS: '--inspect-port=127.0.0.1:0',
      RELAY_PORT: `${this.port}`,
      RELAY_ADMIN_PORT: `${this.adminPort}`,
    };
    const child = await Child.start({ command: process.execPath, args: [this.#main, 'serve'], env });
    this.#child = child;
    // One that does not get as far as listening tells whoever started it.
    this.#ending = true;
    void child.exited().then((ended) => {
      if (this.#child !== child || this.#ending) return;
      this.listed = false;
      this.unexpectedEnds.push(`${this.name}: ${ended}\n${child.output.slice(-2_000)}`);
    });
    await child.waitFor(/"msg":"listening"/, START_TIMEOUT_MS);
    this.#ending = false;
    await this.untilReady();
    this.listed = true;
  }

  async untilReady(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    await until(async () => (await this.ready()).status === 200, {
      what: `${this.name} to be ready`,
      timeoutMs,
    });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.listed = false;
    this.#ending = true;
    this.#child?.signal('SIGKILL');
    await this.#child?.exited();
  }

  /** SIGTERM. Resolves with how long the drain took, ms. */
  async drain(): Promise<number> {
    this.#ending = true;
    const startedMs = performance.now();
    this.#child?.signal('SIGTERM');
    await this.#child?.exited();
    this.listed = false;
    return performance.now() - startedMs;
  }

  /** SIGSTOP: sockets stay, nothing answers. */
  pause(): void {
    this.listed = false;
    this.#child?.signal('SIGSTOP');
  }

  resume(): void {
    this.#child?.signal('SIGCONT');
    this.listed = true;
  }

  async ready(): Promise<{ readonly status: number; readonly reason: string }> {
    try {
      const response = await this.#get('readyz');
      return { status: response.status, reason: (await response.text()).trim() };
    } catch (error) {
      return { status: 0, reason: String(error) };
    }
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

  /** The sum of the series of one metric whose labels contain `labels`. */
  async metric(name: string, labels = ''): Promise<number> {
    let sum = 0;
    for (const [series, value] of await this.metrics()) {
      if (series.split('{', 1)[0] === name && series.includes(labels)) sum += value;
    }
    return sum;
  }

  /** Resident memory now, bytes; 0 while it does not run. Also remembers the peak. */
  residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
      this.peakBytes = Math.max(this.peakBytes, kilobytes * 1024);
      return kilobytes * 1024;
    } catch {
      return 0;
    }
  }

  /** What it holds after a full garbage collection, bytes. */
  async heldBytes(): Promise<number> {
    const child = this.#child;
    if (child === null) throw new Error(`${this.name} does not run`);
    child.signal('SIGUSR1');
    const [, url = ''] = await child.waitFor(/Debugger listening on (ws:\S+)/, START_TIMEOUT_MS);
    return heldBytes(url);
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.adminPort}/${path}`, {
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
  }
}
