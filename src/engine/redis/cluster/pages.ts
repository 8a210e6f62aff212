import { EngineUnavailable } from '../../engine.ts';
import type { Page } from '../../verbs/operators.ts';
import { listOf, textOf } from '../connection/reply.ts';
import type { Router } from './router.ts';
import type { Shard } from './shard.ts';

/** Keys that Redis looks at for one page: about a millisecond. */
const COUNT = 1_000;

/**
 * Walks through the keys that match a pattern, shard after shard, a page at a time: `<shard> <cursor>` names a place.
 * Shards that join or leave meanwhile may be missed.
 */
export async function scanPage(
  router: Router,
  pattern: string,
  after: string | null,
): Promise<Page<string> & { readonly shard: Shard | null }> {
  const shards = [...router.shards].sort((a, b) => (a.name < b.name ? -1 : 1));
  const [from = '', cursor = '0'] = (after ?? '').split(' ');
  const shard = shards.find(({ name }) => name >= from);
  if (shard === undefined) return { items: [], next: null, shard: null };
  if (!shard.ready) throw new EngineUnavailable(`${shard.name}: ${shard.reason}`);
  const start = shard.name === from ? cursor : '0';
  const reply = listOf(await shard.command(['SCAN', start, 'MATCH', pattern, 'COUNT', `${COUNT}`]));
  const items = listOf(reply[1] ?? []).map((key) => textOf(key) ?? '');
  const next = textOf(reply[0] ?? null) ?? '0';
  if (next !== '0') return { items, next: `${shard.name} ${next}`, shard };
  const following = shards[shards.indexOf(shard) + 1];
  return { items, next: following === undefined ? null : `${following.name} 0`, shard };
}
