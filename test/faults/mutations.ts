/** One way to break the relay, and the scenario that must notice. */
export interface Mutation {
  readonly name: string;
  /** Below dist/. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** More places in the same file, where one alone is made good by another rule. */
  readonly also?: readonly { readonly from: string; readonly to: string }[];
  /** In the order of trying; the first that fails has caught it. */
  readonly scenarios: readonly [string, ...string[]];
}

/**
 * What the rules of docs/architecture.md forbid, one each. A rule that no scenario misses when it is broken is either
 * not tested or not needed.
 */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'prev ignored: whatever wakes is pushed',
    file: 'relay/push.js',
    from: 'if (wakeUp.prev === at && this.#hasRoom) {',
    to: 'if (this.#hasRoom) {',
    scenarios: ['deaf-now-and-then'],
  },
  {
    name: 'no read after a reconnect of the subscriber or of Redis',
    file: 'engine/redis/channels.js',
    from: 'for (const channel of this.#of(shard))\n            this.#reclaimSoon(channel);',
    to: '',
    also: [
      { from: 'if (channel.wasOn)', to: 'if (false)' },
      { from: 'this.#lookIn(channel, Math.random() * withinMs);', to: ';' },
    ],
    scenarios: ['connections-killed'],
  },
  {
    name: 'trimmed when pushed, not when the client has it',
    file: 'relay/session.js',
    from: 'onTurnOver: () => this.#heartbeat.ask(),',
    to: 'onTurnOver: () => { if (this.#push.cursor !== null) { this.#receipts.advance(this.#push.cursor); } this.#heartbeat.ask(); },',
    scenarios: ['cut-before-receipt'],
  },
  {
    name: 'confirming without token equality',
    file: 'engine/redis/lua/confirm.lua',
    from: 'if box.token ~= token then return loss(box, ARGV[3]) end',
    to: "if box.token == nil then return 'displaced' end",
    scenarios: ['late-pong'],
  },
  {
    name: 'reclaim displaces a newer session',
    file: 'engine/redis/lua/reclaim.lua',
    from: "if tonumber(fields[2]) >= tonumber(epoch) then return 'displaced' end",
    to: '',
    scenarios: ['late-reclaim'],
  },
  {
    name: 'tags not random',
    file: 'engine/redis/store.js',
    from: 'randomInt(TAG_VALUES)}',
    to: '7}',
    scenarios: ['lost-tail'],
  },
  {
    name: 'a cursor that the store does not know is read from',
    file: 'engine/redis/lua/read.lua',
    from: "if after ~= '' and not find(box, inbox, after) then return { 'gone' } end",
    to: '',
    scenarios: ['lost-tail'],
  },
  {
    name: 'ids by the clock alone',
    file: 'engine/redis/lua/deliver.lua',
    from: 'local us = math.max(now, last_us + 1)',
    to: 'local us = now',
    scenarios: ['clocks'],
  },
  {
    name: 'no order fence',
    file: 'engine/redis/lua/deliver.lua',
    from: "local fence = redis.call('GET', fence_key)",
    to: 'local fence = false',
    scenarios: ['node-change'],
  },
  {
    name: 'no dedupe',
    file: 'engine/redis/lua/deliver.lua',
    from: "before = digest_of[name] or redis.call('HGET', seen, name) or redis.call('HGET', seen_before, name)",
    to: 'before = nil',
    scenarios: ['lost-answer'],
  },
  {
    name: 'stored, but nobody is woken',
    file: 'engine/redis/lua/deliver.lua',
    from: "redis.call('SPUBLISH', inbox, 'w' .. id .. ' ' .. box.last .. '\\n' .. frame)",
    to: '',
    scenarios: ['kill-nodes'],
  },
  {
    name: 'published, and not always stored with it',
    file: 'engine/redis/lua/deliver.lua',
    from: "redis.call('XADD', inbox, id, 'f', frame, 't', whole(total))",
    to: "if us % 16 ~= 3 then redis.call('XADD', inbox, id, 'f', frame, 't', whole(total)) end",
    scenarios: ['cut-before-receipt', 'kill-nodes'],
  },
  {
    name: 'accepted before it is stored',
    file: 'relay/outbox.js',
    from: 'pair.inFlight = true;',
    to: "pair.inFlight = true;\n        for (const item of batch) { const { done } = item; done('stored'); item.done = () => {}; }",
    scenarios: ['redis-killed-always', 'redis-stopped'],
  },
  {
    name: 'two batches of one pair at once',
    file: 'relay/outbox.js',
    from: 'pair.inFlight = true;',
    to: 'pair.inFlight = false;',
    scenarios: ['scripts-flushed', 'connections-killed'],
  },
  {
    name: 'an answer that a repeat gets skips WAIT',
    file: 'engine/redis/durable.js',
    from: 'else if (missing !== null)',
    to: 'else if (missing !== null && !/^r+$/.test(String(reply?.value)))',
    scenarios: ['replicas-stopped'],
  },
  {
    name: 'WAIT asked and its answer ignored',
    file: 'engine/redis/durable.js',
    from: "typeof acknowledged === 'number' && acknowledged >= replicas",
    to: "typeof acknowledged === 'number'",
    scenarios: ['replicas-stopped'],
  },
  {
    name: 'a confirm that fails is not repeated',
    file: 'relay/receipts.js',
    from: 'if (this.#ended)\n                    break;',
    to: 'this.#trimmed = this.#received; break;',
    scenarios: ['connections-killed'],
  },
  {
    name: 'window ignored',
    file: 'relay/window.js',
    from: 'return this.envelopesLeft === 0 || this.bytesLeft === 0;',
    to: 'return false;',
    scenarios: ['slow-reader'],
  },
  {
    name: 'live before what waited',
    file: 'relay/push.js',
    from: 'if (login.waiting === 0)\n            this.#cursor = login.last;',
    to: 'this.#cursor = login.last;',
    scenarios: ['cut-before-receipt'],
  },
  {
    name: 'live while the backlog is read',
    file: 'relay/push.js',
    from: 'if (this.#reading || this.#blocked)\n            return;\n        if (wakeUp.prev',
    to: 'if (this.#blocked)\n            return;\n        if (this.#reading || wakeUp.prev',
    scenarios: ['long-backlog', 'cut-before-receipt'],
  },
  {
    name: 'unsubscribed although another socket of the user listens',
    file: 'engine/redis/channels.js',
    from: 'if (!channel.listeners.delete(entry) || channel.listeners.size > 0 || channel.lingering)\n            return;',
    to: 'if (!channel.listeners.delete(entry))\n            return;\n        if (channel.listeners.size > 0) { void channel.on?.subscriber.unsubscribe(inboxKey(channel.code)).catch(() => {}); return; }\n        if (channel.lingering)\n            return;',
    scenarios: ['takeover', 'cut-before-receipt'],
  },
  {
    name: 'no backstop: mailboxes are not looked into',
    file: 'engine/redis/timings.js',
    from: 'lookEveryMs: 40_000,',
    to: 'lookEveryMs: 4_000_000,',
    scenarios: ['deaf-channel'],
  },
  {
    name: 'no probe of publish/subscribe',
    file: 'engine/redis/timings.js',
    from: 'probeEveryMs: 2_000,',
    to: 'probeEveryMs: 2_000_000,',
    scenarios: ['deaf'],
  },
  {
    name: 'lost connections to Redis are made again only after a minute',
    file: 'engine/redis/link.js',
    from: 'const RETRY_MAX_MS = 1_000;',
    to: 'const RETRY_MAX_MS = 60_000;',
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
    file: 'engine/redis/lua/read.lua',
    from: 'if box.token ~= token then return { loss(box, ARGV[6]) } end',
    to: '',
    scenarios: ['three-at-once'],
  },
  {
    name: 'half-open sockets are not noticed',
    file: 'relay/heartbeat.js',
    from: 'now - this.#unansweredSinceMs > this.#options.pongTimeoutMs',
    to: 'now - this.#unansweredSinceMs > 1e9',
    scenarios: ['half-open'],
  },
  {
    name: 'no quota',
    file: 'engine/redis/lua/deliver.lua',
    from: 'elseif count + 1 > max_envelopes or bytes + size > max_bytes then',
    to: 'elseif false then',
    scenarios: ['full-mailbox'],
  },
  {
    name: 'scripts that empty a full store are refused like those that fill it',
    file: 'engine/redis/lua/claim.lua',
    from: '#!lua flags=allow-oom',
    to: '#!lua',
    scenarios: ['maxmemory'],
  },
  {
    name: 'a stopping node cuts its sockets',
    file: 'relay/drain.js',
    from: 'const steps = Math.max(1, Math.floor(drainMs / STEP_MS));',
    to: 'if (drainMs > 0) return;\n    const steps = 1;',
    scenarios: ['rolling-restart'],
  },
];
