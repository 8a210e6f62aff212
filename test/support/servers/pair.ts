import { Processes, type RelayProcess } from './processes.ts';
import { type RedisServer, startRedis } from './redis.ts';

/** What most behaviour must be shown on: the same node for both people, or another one for each. */
export const PAIRS = ['one node, in memory', 'two nodes, over Redis'] as const;

export interface Pair {
  /** Alice's node, and Bob's: the same in memory. */
  readonly one: RelayProcess;
  readonly two: RelayProcess;
  readonly redis: RedisServer | null;
  stop(): Promise<void>;
}

export async function startPair(
  pair: (typeof PAIRS)[number],
  settings: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  const processes = new Processes();
  if (pair === 'one node, in memory') {
    const node = await processes.relay(settings);
    return { one: node, two: node, redis: null, stop: () => processes.stop() };
  }
  const redis = await startRedis();
  const overRedis = { ...settings, RELAY_REDIS_URL: redis.url };
  const [one, two] = await Promise.all([processes.relay(overRedis), processes.relay(overRedis)]);
  const stop = async () => {
    await processes.stop();
    await redis.remove();
  };
  return { one, two, redis, stop };
}
