import type { Mutation } from './mutation.ts';
import { RELAY_MUTATIONS } from './relay-mutations.ts';

const ENGINE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no read after a reconnect of the subscriber or of Redis',
    file: 'engine/redis/wakeups/channels.js',
    from: 'for (const channel of this.#of(shard))\n            this.#reclaimSoon(channel);',
    to: '',
    also: [
      { from: 'if (channel.wasOn)', to: 'if (false)' },
      { from: 'this.#pollIn(channel, Math.random() * withinMs);', to: ';' },
    ],
    scenarios: ['subscriber-killed', 'connections-killed'],
  },
  {
    name: 'confirming without token equality',
    file: 'engine/redis/lua/mailbox/confirm.lua',
    from: 'if box.token ~= token then return loss(box, ARGV[3]) end',
    to: "if box.token == nil then return 'displaced' end",
    scenarios: ['late-pong'],
  },
  {
    name: 'reclaim raises the epoch, and displaces a newer session',
    file: 'engine/redis/lua/sessions/reclaim.lua',
    from: "if why ~= 'forgotten' then return why end",
    to: '',
    // Within one history a second line holds what the first lets through. Written with its own epoch, the newer session
    // would take it for a store that went back, and claim it again.
    also: [
      { from: "if fields[2] and fields[2] == history_now() then return 'displaced' end", to: '' },
      {
        from: "redis.call('HSET', user, 'epoch', epoch,",
        to: "redis.call('HSET', user, 'epoch', math.max(tonumber(epoch), box.epoch + 1),",
      },
    ],
    scenarios: ['late-reclaim'],
  },
  {
    name: 'epochs alone decide who is restored, although the clock of the new master is behind',
    file: 'engine/redis/lua/sessions/reclaim.lua',
    from: "if fields[2] and fields[2] == history_now() then return 'displaced' end",
    to: '',
    scenarios: ['clock-behind'],
  },
  {
    name: 'tags not random',
    file: 'engine/redis/mailbox/store.js',
    from: 'randomInt(TAG_VALUES)}',
    to: '7}',
    scenarios: ['lost-tail'],
  },
  {
    name: 'a cursor that the store does not know is read from',
    file: 'engine/redis/lua/mailbox/read.lua',
    from: "if after ~= '' and not find(box, after) then return { 'gone' } end",
    to: '',
    scenarios: ['lost-tail'],
  },
  {
    name: 'ids by the clock alone',
    file: 'engine/redis/lua/mailbox/deliver.lua',
    from: 'local us = math.max(now, us_of(last) + 1)',
    to: 'local us = now',
    scenarios: ['clocks'],
  },
  {
    name: 'no order fence',
    file: 'engine/redis/lua/mailbox/fence.lua',
    from: "local fence = redis.call('GET', key)",
    to: 'local fence = false',
    scenarios: ['node-change'],
  },
  {
    name: 'no dedupe',
    file: 'engine/redis/lua/mailbox/seen.lua',
    from: "return redis.call('HGET', seen.current, name) or redis.call('HGET', seen.previous, name)",
    to: 'return nil',
    scenarios: ['lost-answer'],
  },
  {
    name: 'stored without a wake-up',
    file: 'engine/redis/lua/mailbox/deliver.lua',
    from: "listeners = redis.call('SPUBLISH', inbox, 'w' .. id .. ' ' .. last .. '\\n' .. frame)",
    to: 'listeners = 1',
    scenarios: ['kill-nodes'],
  },
  {
    name: 'published, and not always stored with it',
    file: 'engine/redis/lua/mailbox/deliver.lua',
    from: "redis.call('XADD', inbox, id, 'f', frame, 't', whole(total), 's', sender)",
    to: "if us % 16 ~= 3 then redis.call('XADD', inbox, id, 'f', frame, 't', whole(total), 's', sender) end",
    scenarios: ['cut-before-receipt', 'kill-nodes'],
  },
  {
    name: 'an answer that a repeat gets skips WAIT',
    file: 'engine/redis/connection/durable.js',
    from: 'else if (missing !== null)',
    to: 'else if (missing !== null && !/^r+$/.test(String(reply?.value)))',
    scenarios: ['replicas-stopped'],
  },
  {
    name: 'WAIT asked and its answer ignored',
    file: 'engine/redis/connection/durable.js',
    from: "typeof acknowledged === 'number' && acknowledged >= replicas",
    to: "typeof acknowledged === 'number'",
    scenarios: ['replicas-stopped'],
  },
  {
    name: 'unsubscribed although another socket of the user listens',
    file: 'engine/redis/wakeups/channels.js',
    from: 'if (channel.listeners.length > 0 || channel.lingering)\n            return;',
    to: 'if (channel.listeners.length > 0) { void channel.on?.subscriber.unsubscribe(inboxKey(channel.code)).catch(() => {}); return; }\n        if (channel.lingering)\n            return;',
    scenarios: ['takeover', 'cut-before-receipt'],
  },
  {
    name: 'no backstop: mailboxes are not looked into',
    file: 'engine/redis/timings.js',
    from: 'pollEveryMs: 40_000,',
    to: 'pollEveryMs: 4_000_000,',
    scenarios: ['silent-channel'],
  },
  {
    name: 'no probe of publish/subscribe',
    file: 'engine/redis/timings.js',
    from: 'probeEveryMs: 2_000,',
    to: 'probeEveryMs: 2_000_000,',
    scenarios: ['silent-subscription'],
  },
  {
    name: 'one shard of a Cluster is not probed',
    file: 'engine/redis/wakeups/probe.js',
    from: 'for (const shard of shards)\n            void this.probe(shard);',
    to: 'for (const shard of [...shards].slice(1))\n            void this.probe(shard);',
    scenarios: ['silent-shard'],
  },
  {
    name: 'lost connections to Redis are made again only after a minute',
    file: 'engine/redis/connection/link.js',
    from: 'firstMs: 50, maxMs: 1_000,',
    to: 'firstMs: 30_000, maxMs: 60_000,',
    scenarios: ['redis-stopped'],
  },
  {
    name: 'Redis may take for ever',
    file: 'engine/redis/timings.js',
    from: 'commandTimeoutMs: 1_000,',
    to: 'commandTimeoutMs: 60_000,',
    scenarios: ['redis-stopped'],
  },
  {
    name: 'a displaced session goes on',
    file: 'engine/redis/lua/mailbox/read.lua',
    from: 'if box.token ~= token then return { loss(box, ARGV[6]) } end',
    to: '',
    scenarios: ['three-at-once'],
  },
  {
    name: 'no quota',
    file: 'engine/redis/lua/mailbox/deliver.lua',
    from: 'count + 1 > max_envelopes + requests or bytes + size > max_bytes + request_bytes',
    to: 'false',
    scenarios: ['full-mailbox'],
  },
  {
    name: 'scripts that empty a full store are refused like those that fill it',
    file: 'engine/redis/lua/sessions/claim.lua',
    from: '#!lua flags=allow-oom',
    to: '#!lua',
    scenarios: ['maxmemory'],
  },
  {
    name: 'a lost connection to Redis makes its commands again by itself (what retryDelayOnFailover does), no fence',
    file: 'engine/redis/cluster/calls.js',
    from: 'if (!(error instanceof RedisError) || shard === undefined)\n                    throw error;',
    to: 'if (!(error instanceof RedisError)) { await sleep(50); shard = await this.#shard(slot, null, deadlineMs); try { return await send(shard, how); } catch (next) { error = next; continue; } }',
    also: [
      {
        file: 'engine/redis/lua/mailbox/fence.lua',
        from: "local fence = redis.call('GET', key)",
        to: 'local fence = false',
      },
    ],
    scenarios: ['connections-killed'],
  },
  {
    name: 'an old master that comes back during a failover is believed',
    file: 'engine/redis/cluster/discovery.js',
    from: 'const layout = await discover([]).catch(() => null);',
    to: 'const layout = null;',
    scenarios: ['sentinel-failover'],
  },
  {
    name: 'channels are not subscribed again after the subscriber has reconnected',
    file: 'engine/redis/wakeups/channels.js',
    from: 'for (const channel of this.#of(shard))\n            this.#settle(channel);',
    to: '',
    scenarios: ['subscriber-killed', 'redis-killed-always'],
  },
  {
    name: 'scripts declare keys that usually do not exist',
    file: 'engine/redis/cluster/shard.js',
    from: "withSource ? script.source : script.sha, '1', key, ...args",
    to: "withSource ? script.source : script.sha, '2', key, key.replace(/^user:[{]/, 'shares:{'), ...args",
    scenarios: ['many-half-migrated'],
  },
  {
    name: 'a slot that moves away costs its server every subscription',
    file: 'engine/redis/engine.js',
    from: 'channels.dropped(shard, kept);',
    to: "shard.subscriber.connection?.destroy('a slot has moved away');",
    scenarios: ['many-slots-move'],
  },
  {
    name: 'a handshake with Redis that is swallowed is waited for',
    file: 'engine/redis/connection/connection.js',
    from: 'connection.#sent += 1;',
    to: 'connection.#sent += 1; connection.#answered += 1;',
    scenarios: ['network'],
  },
];

/**
 * What the rules of docs/architecture.md forbid, one each. A rule that no scenario misses when it is broken is either
 * not tested or not needed.
 */
export const MUTATIONS: readonly Mutation[] = [...ENGINE_MUTATIONS, ...RELAY_MUTATIONS];
