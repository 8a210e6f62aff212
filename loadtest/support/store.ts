import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../../src/cli/dev/child.ts';
import { ensureInstalled, toolPath } from '../../src/cli/dev/install.ts';
import { ROOT } from '../../src/cli/dev/root.ts';
import { freePort, onFreePort, startRedis } from '../../src/cli/dev/servers.ts';

/** What keeps users and mailboxes during one measurement: one Redis, or a Cluster of several. */
export interface Store {
  /** As RELAY_REDIS_URL takes it. */
  readonly url: string;
  /** Of each shard. */
  readonly pids: readonly number[];
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

const REDIS_FILE = join(ROOT, 'deploy/redis/redis.conf');
const JOIN_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/**
 * @param shards 1, or 3 and more: Redis itself makes no Cluster of fewer than three masters
 * @param options of redis.conf, stronger than the file in deploy/
 */
export async function startStore(shards: number, options: readonly string[] = []): Promise<Store> {
  ensureInstalled(['redis-server', 'redis-cli'], (line) => console.log(line));
  if (shards === 1 && options.length === 0) {
    const { child, port, url, stop } = await startRedis();
    return { url, pids: [child.pid], ports: [port], stop };
  }
  const folder = mkdtempSync(join(tmpdir(), 'keyrelay-store-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const servers: { readonly child: Child; readonly port: number }[] = [];
  for (let shard = 1; shard <= shards; shard += 1)
    servers.push(await startServer({ folder, shard, clustered: shards > 1, options }));
  const ports = servers.map(({ port }) => port);
  if (shards > 1) await makeCluster(ports);
  return {
    url: ports.map((port) => `redis://127.0.0.1:${port}`).join(','),
    pids: servers.map(({ child }) => child.pid),
    ports,
    stop: async () => {
      await Promise.all(servers.map(({ child }) => child.stop()));
      process.off('exit', remove);
      remove();
    },
  };
}

async function startServer(server: {
  readonly folder: string;
  readonly shard: number;
  readonly clustered: boolean;
  readonly options: readonly string[];
}): Promise<{ child: Child; port: number }> {
  const { folder, shard, clustered, options } = server;
  const own = ['--appenddirname', `aof-${shard}`, '--dir', folder];
  return onFreePort({
    port: 0,
    start: async (port) => {
      const bus = ['--cluster-port', `${await freePort()}`, '--cluster-config-file', `nodes-${shard}.conf`];
      return Child.start({
        command: toolPath('redis-server'),
        args: [
          ...[REDIS_FILE, '--bind', '127.0.0.1', '--port', `${port}`, ...own],
          ...(clustered ? ['--cluster-enabled', 'yes', ...bus] : []),
          ...options,
        ],
        env: process.env,
      });
    },
    ready: /Ready to accept connections/,
  });
}

async function makeCluster(ports: readonly number[]): Promise<void> {
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  redisCli(['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes']);
  const deadlineMs = performance.now() + JOIN_TIMEOUT_MS;
  // Each server learns by gossip that the others have their slots.
  for (const port of ports) {
    while (!redisCli(['-p', `${port}`, 'cluster', 'info']).includes('cluster_state:ok')) {
      if (performance.now() > deadlineMs)
        throw new Error(`the Redis at ${port} does not find its cluster whole`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** What redis-cli prints. */
export function redisCli(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(toolPath('redis-cli'), args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`redis-cli ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
