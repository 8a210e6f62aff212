import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { Child } from './child.ts';
import { toolPath } from './install.ts';
import { ROOT } from './root.ts';

export { freePort };

/** Real servers on this machine, for `keyrelay cluster`, `keyrelay demo` and the tests. Loopback only. */

export const LOOPBACK = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
/** The built command line, found from src/cli as well as from dist/cli. */
const MAIN = join(ROOT, 'dist/cli/main.js');
const HAPROXY_FILE = join(ROOT, 'deploy/haproxy/haproxy.cfg');
const REDIS_FILE = join(ROOT, 'deploy/redis/redis.conf');

export interface NodeServer {
  readonly child: Child;
  readonly id: string;
  readonly port: number;
  readonly adminPort: number;
}

/** Settings of a relay, by the names of their variables. */
export type Settings = Readonly<Record<string, string>>;

/**
 * A relay node, on ports that the kernel chooses unless `settings` says otherwise. No other setting reaches it.
 * @param main another build of dist/cli/main.js
 * @param timeoutMs until it listens, which it does once Redis answers
 */
export async function startNode(
  settings: Settings,
  main = MAIN,
  timeoutMs = START_TIMEOUT_MS,
): Promise<NodeServer> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('RELAY_'));
  const env = { ...Object.fromEntries(inherited), RELAY_PORT: '0', RELAY_ADMIN_PORT: '0', ...settings };
  const child = await Child.start({ command: process.execPath, args: [main, 'serve'], env });
  // The log line of `serve` that says where it listens.
  const line = await child.waitFor(/^\{.*"msg":"listening".*\}$/m, timeoutMs);
  const { node, port, adminPort } = JSON.parse(line[0]) as { node: string; port: number; adminPort: number };
  return { child, id: node, port, adminPort };
}

export interface RedisServer {
  readonly child: Child;
  readonly port: number;
  readonly url: string;
  /** Stops it and removes its folder. */
  stop(): Promise<void>;
}

/** Our own Redis in a folder of its own, with the file of deploy/. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'keyrelay-redis-'));
  // A parent that ends in a hurry still cleans up.
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const { child, port } = await onFreePort({
    port: 0,
    start: (port) =>
      Child.start({
        command: toolPath('redis-server'),
        args: [REDIS_FILE, '--bind', LOOPBACK, '--port', `${port}`, '--dir', folder],
        env: process.env,
      }),
    ready: /Ready to accept connections/,
  });
  const stop = async () => {
    await child.stop();
    process.off('exit', remove);
    await rm(folder, { recursive: true, force: true });
  };
  return { child, port, url: `redis://${LOOPBACK}:${port}`, stop };
}

export interface HaproxyServer {
  readonly child: Child;
  readonly port: number;
}

type Ports = Pick<NodeServer, 'port' | 'adminPort'>;

/** HAProxy with the file of deploy/, in front of one to nine nodes. A port of 0 takes a free one. */
export async function startHaproxy(options: {
  readonly port: number;
  readonly nodes: readonly Ports[];
  /** For its own metrics; not served without. */
  readonly metricsPort?: number;
  /** Connections of clients at most; what the limit of files allows without. */
  readonly maxConnections?: number;
}): Promise<HaproxyServer> {
  const servers = Object.fromEntries(
    options.nodes.flatMap(({ port, adminPort }, index) => [
      [`KEYRELAY_NODE_${index + 1}`, `${LOOPBACK}:${port}`],
      [`KEYRELAY_ADMIN_${index + 1}`, `${adminPort}`],
    ]),
  );
  const { metricsPort, maxConnections } = options;
  const start = async (port: number) => {
    const env = {
      ...process.env,
      ...servers,
      KEYRELAY_BIND: `${LOOPBACK}:${port}`,
      KEYRELAY_BIND_OPTIONS: '',
      ...(metricsPort === undefined ? {} : { KEYRELAY_METRICS: `${LOOPBACK}:${metricsPort}` }),
      ...(maxConnections === undefined ? {} : { KEYRELAY_MAXCONN: `${maxConnections}` }),
    };
    // -db: stay in the foreground, whatever the file says.
    const args = ['-db', '-f', HAPROXY_FILE];
    return Child.start({ command: toolPath('haproxy'), args, env });
  };
  return onFreePort({ port: options.port, start });
}

const ATTEMPTS_MAX = 5;

/**
 * Starts a server on `port`; 0 takes a free one. For servers that cannot be told to take any port: another process
 * may be faster, so it is tried again.
 */
export async function onFreePort(options: {
  readonly port: number;
  readonly start: (port: number) => Promise<Child>;
  /** What it says when it is ready, for those that listen before they are. */
  readonly ready?: RegExp;
}): Promise<{ readonly child: Child; readonly port: number }> {
  const attemptsMax = options.port === 0 ? ATTEMPTS_MAX : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port === 0 ? await freePort() : options.port;
    const child = await options.start(port);
    try {
      if (options.ready !== undefined) await child.waitFor(options.ready, START_TIMEOUT_MS);
      await untilListening(child, port);
      return { child, port };
    } catch (error) {
      await child.stop();
      if (attempt >= attemptsMax || !/in use|cannot bind/i.test(child.output)) throw error;
    }
  }
}
/** Rejects if another program listens on `port`, and says what to do. */
export async function assertFree(port: number): Promise<void> {
  if (port !== 0 && (await accepts(port))) {
    throw new Error(`port ${port} is taken: set RELAY_PORT to another, or end what listens there`);
  }
}

const POLL_MS = 20;

async function untilListening(child: Child, port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (child.ended !== null) throw new Error(`pid ${child.pid} ended (${child.ended}):\n${child.output}`);
    if (Date.now() > deadline) throw new Error(`nothing listens on ${port}:\n${child.output}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, LOOPBACK);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
