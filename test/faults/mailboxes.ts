import type { RedisServer } from '../support/redis.ts';
import type { Crowd } from './crowd.ts';

const HOUR_MS = 3_600_000;

/**
 * The last id of every mailbox is set an hour ahead of the clock, as a master whose clock was ahead would have left
 * it. For mailboxes that are empty.
 */
export async function aheadOfTheClock(server: RedisServer, crowd: Crowd): Promise<void> {
  for (const { user } of crowd.clients) {
    const id = `${(Date.now() + HOUR_MS) * 1_000}-7`;
    await server.call('HSET', `user:{${user.code}}`, 'last', id, 'confirmed', id);
  }
}

/** How many of these servers' mailboxes hold anything. */
export async function mailboxesInUse(servers: readonly RedisServer[]): Promise<number> {
  let found = 0;
  for (const server of servers) {
    let cursor = '0';
    do {
      const [next, keys] = (await server.call('SCAN', cursor, 'MATCH', 'inbox:{*', 'COUNT', 10_000)) as [
        string,
        string[],
      ];
      found += keys.length;
      cursor = next;
    } while (cursor !== '0');
  }
  return found;
}
