import { join } from 'node:path';
import { Child } from '../../src/cli/dev/child.ts';
import { freePort } from '../../src/cli/dev/servers.ts';
import { type RigNode, type Shared, startShards } from '../bench/rig.ts';
import type { Contender } from './contenders.ts';
import { PEERS_FOLDER } from './install.ts';

const START_TIMEOUT_MS = 20_000;

/** One node of a peer, which says on which port it listens. */
export async function startPeer({ program, env }: Contender, storeUrl: string): Promise<RigNode> {
  const child = await start(program ?? '', {
    ...env,
    REDIS_URL: storeUrl,
    STATE_PORT: new URL(storeUrl).port,
  });
  const port = await portOf(child);
  return { pid: child.pid, ws: `ws://127.0.0.1:${port}/ws`, stop: () => child.stop() };
}

/** What a peer's nodes share: Redis, but for SocketCluster, which has a broker of its own. */
export async function startSharedBy({ program }: Contender): Promise<Shared> {
  return program === 'socketcluster.mjs' ? startSccBroker() : startShards(1);
}

/** A broker and what tells of it. Its URL is that of the latter; its processor time is counted as Redis' is. */
async function startSccBroker(): Promise<Shared> {
  const brokerPort = await freePort();
  const state = await start('scc-state.mjs', { BROKER_PORT: `${brokerPort}` });
  const statePort = await portOf(state);
  const broker = await start('node_modules/scc-broker/server.js', {
    SCC_BROKER_SERVER_PORT: `${brokerPort}`,
    SCC_STATE_SERVER_HOST: '127.0.0.1',
    SCC_STATE_SERVER_PORT: `${statePort}`,
    SCC_BROKER_SERVER_LOG_LEVEL: '3',
  });
  await broker.waitFor(/listening on port|joined|connected/i, START_TIMEOUT_MS);
  return {
    url: `ws://127.0.0.1:${statePort}`,
    servers: [broker],
    remove: async () => {
      await Promise.all([broker.stop(), state.stop()]);
    },
  };
}

function start(program: string, env: Readonly<Record<string, string>>): Promise<Child> {
  const file = join(PEERS_FOLDER, program);
  const isNode = /js$/.test(file);
  return Child.start({
    command: isNode ? process.execPath : file,
    args: isNode ? [file] : [],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  });
}

async function portOf(child: Child): Promise<string> {
  const [, port = ''] = await child.waitFor(/listening (\d+)/, START_TIMEOUT_MS);
  return port;
}
