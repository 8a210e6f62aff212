import { join } from 'node:path';
import { Child } from '../../src/cli/dev/child.ts';
import { freePort } from '../../src/cli/dev/servers.ts';
import { type RigNode, type Shared, startKeyrelay, startShards } from '../bench/rig.ts';
import { startCentrifugo } from './centrifugo.ts';
import type { Contender } from './contenders.ts';
import { goProgramPath, isGoProgram, NODE_FOLDER } from './install.ts';
import { startNats } from './nats.ts';

const START_TIMEOUT_MS = 20_000;
const NODES = 2;

/** What a rig is started with. */
export interface PeerShape {
  readonly nodes: number;
  /** What the nodes share. */
  readonly store: Shared;
  readonly startNode: (storeUrl: string, number: number) => Promise<RigNode>;
}

export async function shapeOf(contender: Contender): Promise<PeerShape> {
  const { program } = contender;
  if (program === 'nats-server') return natsShape();
  if (program === 'socketcluster.mjs')
    return { nodes: NODES, store: await startSccBroker(), startNode: (url) => startPeer(contender, url) };
  return {
    nodes: NODES,
    store: await startShards(1),
    startNode: (redisUrl, number) => {
      if (program === null) return startKeyrelay({ redisUrl, number, profileFolder: null });
      return program === 'centrifugo' ? startCentrifugo(redisUrl) : startPeer(contender, redisUrl);
    },
  };
}

/** NATS stores by itself: all of its processor time is that of its servers. */
async function natsShape(): Promise<PeerShape> {
  const { servers, remove } = await startNats();
  return {
    nodes: servers.length,
    store: { url: null, servers: [], remove },
    startNode: async (_, number) => {
      const server = servers[number - 1];
      if (server === undefined) throw new Error(`NATS has no server ${number}`);
      return server;
    },
  };
}

/** One node of a peer, which says on which port it listens. */
async function startPeer({ program, env }: Contender, storeUrl: string): Promise<RigNode> {
  const child = await start(program ?? '', {
    ...env,
    REDIS_URL: storeUrl,
    STATE_PORT: new URL(storeUrl).port,
  });
  const port = await portOf(child);
  return { pid: child.pid, ws: `ws://127.0.0.1:${port}/ws`, stop: () => child.stop() };
}

/**
 * SocketCluster has a broker of its own instead of Redis, and what tells of it. Its URL is that of the latter; its
 * processor time is counted as Redis' is.
 */
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
  const [command, args] = isGoProgram(program)
    ? [goProgramPath(program), []]
    : [process.execPath, [join(NODE_FOLDER, program)]];
  return Child.start({ command, args, env: { ...process.env, NODE_ENV: 'production', ...env } });
}

async function portOf(child: Child): Promise<string> {
  const [, port = ''] = await child.waitFor(/listening (\d+)/, START_TIMEOUT_MS);
  return port;
}
