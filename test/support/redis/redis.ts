import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Child } from '../../../src/cli/dev/child.ts';
import { findTool } from '../../../src/cli/dev/install.ts';
import { ROOT } from '../../../src/cli/dev/root.ts';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { ensureInstalled } from '../servers/install.ts';
import { until } from '../until.ts';

/** Options of redis.conf by name. */
export type RedisConf = Readonly<Record<string, string>>;

export interface RedisMode {
  readonly sentinel?: boolean;
  /** With deploy/redis/redis.conf instead of Redis' defaults. */
  readonly deployed?: boolean;
}

const READY = /Ready to accept connections|Running mode=sentinel/;
const READY_TIMEOUT_MS = 60_000;
const START_ATTEMPTS = 5;
/** As operators run it. */
const DEPLOYED_FILE = join(ROOT, 'deploy/redis/redis.conf');

/** A real redis-server of a test's own, on loopback, in a temporary folder. */
export class RedisServer {
  port = 0;
  folder = '';
  readonly #conf: RedisConf;
  readonly #mode: RedisMode;
  #args: readonly string[] = [];
  #started: Child | null = null;
  #client: Redis | null = null;

  /** Not started yet. @param conf added to, and stronger than, loopback only, a free port, no snapshots */
  constructor(conf: RedisConf = {}, mode: RedisMode = {}) {
    this.#conf = conf;
    this.#mode = mode;
  }

  async start(): Promise<void> {
    ensureInstalled('redis-server');
    const conf = this.#conf;
    this.folder = await mkdtemp(join(tmpdir(), 'keyrelay-test-redis-'));
    for (let attempt = 1; ; attempt += 1) {
      this.port = conf.port === undefined ? await freePort() : Number(conf.port);
      this.#args = await this.#arguments();
      const child = await spawnRedis(this.#args);
      this.#started = child;
      try {
        await child.waitFor(READY, READY_TIMEOUT_MS);
        return;
      } catch (error) {
        // Between the kernel's choice and the bind another process may have taken the port.
        await child.stop();
        if (attempt === START_ATTEMPTS || !/in use/i.test(child.output)) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What the server has written to its log. */
  get output(): string {
    return this.#child.output;
  }

  /** Runs one command, by a client that is not ours. */
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    if (this.#client === null) {
      const { port } = this;
      const { requirepass } = this.#conf;
      const password = requirepass === undefined ? {} : { password: requirepass };
      this.#client = new Redis({ port, host: '127.0.0.1', disableClientInfo: true, ...password });
      // Expected while a test has it stopped; the command that needs it says so by itself.
      this.#client.on('error', () => {});
    }
    return this.#client.call(command, ...args.map(String));
  }

  /** An orderly end, with its last writes on disk if it has a file at all. */
  async stop(): Promise<void> {
    this.#hangUp();
    await this.#child.stop();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#hangUp();
    this.#child.signal('SIGKILL');
    await this.#child.exited();
  }

  /** The process is stopped where it stands: connections stay, nothing answers. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  /** Starts it again after `stop` or `kill`, same port, same folder. */
  async restart(): Promise<void> {
    if (this.#child.ended === null) await this.stop();
    this.#started = await spawnRedis(this.#args);
    await this.#child.waitFor(READY, READY_TIMEOUT_MS);
  }

  /** Ends it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #child(): Child {
    if (this.#started === null) throw new Error('the Redis server was never started');
    return this.#started;
  }

  #hangUp(): void {
    this.#client?.disconnect();
    this.#client = null;
  }

  async #arguments(): Promise<string[]> {
    const [conf, mode] = [this.#conf, this.#mode];
    const common = { bind: '127.0.0.1', dir: this.folder, port: `${this.port}` };
    const busPort = conf['cluster-enabled'] === 'yes' ? { 'cluster-port': `${await freePort()}` } : {};
    const options = mode.sentinel ? { ...common, ...conf } : { save: '', ...common, ...busPort, ...conf };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    if (mode.deployed) args.unshift(DEPLOYED_FILE);
    if (mode.sentinel) {
      // A sentinel wants a file that it can write to.
      const file = join(this.folder, 'sentinel.conf');
      await writeFile(file, '');
      args.unshift(file, '--sentinel');
    }
    return args;
  }
}

/** One that runs. */
export async function startRedis(conf: RedisConf = {}, mode: RedisMode = {}): Promise<RedisServer> {
  const server = new RedisServer(conf, mode);
  await server.start();
  return server;
}

function spawnRedis(args: readonly string[]): Promise<Child> {
  const command = findTool('redis-server');
  if (command === null) throw new Error('redis-server was there a moment ago and is gone');
  return Child.start({ command, args, env: process.env });
}

/** Waits until this server's `INFO replication` matches. */
export async function untilReplication(server: RedisServer, pattern: RegExp): Promise<void> {
  await until(async () => pattern.test(String(await server.call('INFO', 'replication'))), {
    what: `replication state ${pattern} at port ${server.port}`,
    timeoutMs: READY_TIMEOUT_MS,
  });
}
