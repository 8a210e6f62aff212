import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../../src/cli/dev/child.ts';
import { ROOT } from '../../src/cli/dev/root.ts';
import { freePort } from '../../src/cli/dev/servers.ts';
import type { RigNode } from '../bench/rig.ts';
import { createMailboxes } from '../dialects/nats.ts';
import { goProgramPath } from './install.ts';

const CONFIG = join(ROOT, 'loadtest/peers/nats.conf');
/** JetStream in a cluster has to agree on a leader: three servers are the fewest of which one may be missing. */
const SERVERS = 3;
const START_TIMEOUT_MS = 20_000;
const ELECTION_TIMEOUT_MS = 30_000;
const RETRY_MS = 250;

export interface NatsCluster {
  readonly servers: readonly RigNode[];
  remove(): Promise<void>;
}

/** Three servers with the stream of all mailboxes. */
export async function startNats(): Promise<NatsCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'keyrelay-nats-'));
  const ports: number[] = [];
  for (let n = 0; n < SERVERS; n += 1) ports.push(await freePort());
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`);
  const servers: RigNode[] = [];
  for (const [n, port] of ports.entries())
    servers.push(await startServer({ number: n + 1, clusterPort: port, routes, folder }));
  await untilElected(servers[0]?.ws ?? '');
  return {
    servers,
    remove: async () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startServer(start: {
  readonly number: number;
  readonly clusterPort: number;
  readonly routes: readonly string[];
  readonly folder: string;
}): Promise<RigNode> {
  const { number, clusterPort, routes, folder } = start;
  const websocketPort = await freePort();
  const child = await Child.start({
    command: goProgramPath('nats-server'),
    args: ['--config', CONFIG],
    env: {
      ...process.env,
      SERVER_NAME: `peer${number}`,
      CLIENT_LISTEN: `"127.0.0.1:${await freePort()}"`,
      WEBSOCKET_LISTEN: `"127.0.0.1:${websocketPort}"`,
      CLUSTER_LISTEN: `"127.0.0.1:${clusterPort}"`,
      ROUTES: `[${routes.join(', ')}]`,
      STORE_DIR: `"${join(folder, `${number}`)}"`,
    },
  });
  await child.waitFor(/Server is ready/, START_TIMEOUT_MS);
  return { pid: child.pid, ws: `ws://127.0.0.1:${websocketPort}`, stop: () => child.stop() };
}

/** Until then JetStream's calls fail, or are not answered. */
async function untilElected(url: string): Promise<void> {
  const deadlineMs = Date.now() + ELECTION_TIMEOUT_MS;
  for (;;) {
    try {
      return await createMailboxes(url);
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await pause(RETRY_MS);
    }
  }
}
