import { PlainClient } from '../support/plain/plain-client.ts';
import { registerUser } from '../support/plain/users.ts';
import type { RedisServer } from '../support/redis/redis.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';
import { until } from '../support/until.ts';

const USERS = 64;

export interface Churn {
  readonly logins: number;
  readonly seconds: number;
  /** SSUBSCRIBE calls that Redis has seen for them. */
  readonly subscribes: number;
  /** Mailbox channels that are still subscribed to at the end. */
  readonly channelsLeft: number;
}

/** Logs people in and cuts them off again, `logins` times in all, as fast as the relay takes it. */
export async function churn(relay: RelayNode, redis: RedisServer, logins: number): Promise<Churn> {
  const people = await Promise.all(Array.from({ length: USERS }, () => registerUser(relay.http)));
  const before = await subscribeCalls(redis);
  const startedMs = performance.now();
  let left = logins;
  await Promise.all(
    people.map(async (user) => {
      for (left -= 1; left >= 0; left -= 1) {
        const client = await PlainClient.login(relay.ws, user);
        client.ws.terminate();
      }
    }),
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  await until(async () => (await relay.metric('keyrelay_sockets')) === 0, { what: 'all sockets to be gone' });
  // Unsubscribing is delayed, for clients that come right back.
  await until(async () => (await relay.metric('keyrelay_subscriptions')) === 0, {
    what: 'no mailbox channel to be subscribed to',
    timeoutMs: 60_000,
  });
  const channels = (await redis.call('PUBSUB', 'SHARDCHANNELS', 'inbox:*')) as string[];
  const subscribes = (await subscribeCalls(redis)) - before;
  return { logins, seconds, subscribes, channelsLeft: channels.length };
}

async function subscribeCalls(redis: RedisServer): Promise<number> {
  const stats = String(await redis.call('INFO', 'commandstats'));
  return Number(/cmdstat_ssubscribe:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
