import { ensureInstalled } from '../../src/cli/dev/install.ts';
import { type NodeServer, startNode, startRedis } from '../../src/cli/dev/servers.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';

export interface Local {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/** A cluster of this machine: one Redis and some nodes, for those who name no URL. */
export async function startLocal(nodes: number): Promise<Local> {
  ensureInstalled(['redis-server'], (line) => console.log(line));
  const redis = await startRedis();
  const started: NodeServer[] = [];
  for (let n = 1; n <= nodes; n += 1)
    started.push(await startNode({ ...LIMITS_OFF, RELAY_REDIS_URL: redis.url, RELAY_NODE_ID: `load${n}` }));
  return {
    urls: started.map(({ port }) => `ws://127.0.0.1:${port}/ws`),
    stop: async () => {
      await Promise.all(started.map((node) => node.child.stop()));
      await redis.stop();
    },
  };
}
