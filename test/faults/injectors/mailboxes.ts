import type { RedisServer } from '../../support/redis/redis.ts';
import type { Crowd } from '../clients/crowd.ts';

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

/** What waits is moved an hour ahead of the clock, as if such a master had stored it. For users who are away. */
export async function moveAhead(server: RedisServer, code: string): Promise<number> {
  const [inbox, user] = [`inbox:{${code}}`, `user:{${code}}`];
  const entries = (await server.call('XRANGE', inbox, '-', '+')) as [string, string[]][];
  if (entries.length === 0) return 0;
  await server.call('DEL', inbox);
  let last = '';
  for (const [id, fields] of entries) {
    const [us = '', tag = ''] = id.split('-');
    last = `${Number(us) + HOUR_MS * 1_000}-${tag}`;
    await server.call('XADD', inbox, last, ...fields);
  }
  await server.call('HSET', user, 'last', last);
  return entries.length;
}

/** The names of those of these servers' mailboxes that hold anything. */
export async function mailboxesInUse(servers: readonly RedisServer[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const server of servers) {
    let cursor = '0';
    do {
      const [next, keys] = (await server.call('SCAN', cursor, 'MATCH', 'inbox:{*', 'COUNT', 10_000)) as [
        string,
        string[],
      ];
      found.push(...keys);
      cursor = next;
    } while (cursor !== '0');
  }
  return found;
}

/** What the store knows of a mailbox, in one line. */
export async function mailboxIn(servers: readonly RedisServer[], inbox: string): Promise<string> {
  const user = inbox.replace('inbox:', 'user:');
  for (const server of servers) {
    // Of a Cluster all but one answer MOVED.
    const known = await server
      .call('HMGET', user, 'last', 'confirmed', 'count', 'epoch', 'node')
      .catch(() => null);
    if (known === null) continue;
    const entries = (await server.call('XRANGE', inbox, '-', '+', 'COUNT', 5)) as [string, string[]][];
    const waiting = entries.map(([id, [, frame = '']]) => `${id} ${frame.slice(0, 160)}`);
    return `${inbox}: last, confirmed, count, epoch, node ${String(known)}; holds ${waiting.join(' | ')}`;
  }
  return inbox;
}
