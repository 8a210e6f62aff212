import type { Mutation } from './mutation.ts';

/** Rules of src/relay that are broken. */
export const RELAY_MUTATIONS: readonly Mutation[] = [
  {
    name: 'prev ignored: whatever wakes is pushed',
    file: 'relay/outbound/push.js',
    from: 'if (wakeUp.prev === at && this.#hasRoom) {',
    to: 'if (this.#hasRoom) {',
    scenarios: ['lost-wake-ups'],
  },
  {
    name: 'trimmed when pushed, not when the client has it',
    file: 'relay/outbound/push.js',
    from: 'this.#cursor = id;\n            }\n',
    to: 'this.#cursor = id;\n            }\n            this.#context.engine.confirm(this.#session, this.#cursor).catch(() => {});\n',
    scenarios: ['cut-before-receipt'],
  },
  {
    name: 'accepted before it is stored',
    file: 'relay/inbound/deliver-queue.js',
    from: 'pair.inFlight = true;\n        this.#batches += 1;',
    to: "pair.inFlight = true;\n        this.#batches += 1;\n        for (const item of batch) { const { done } = item; done('stored'); item.done = () => {}; }",
    scenarios: ['redis-killed-always', 'redis-stopped'],
  },
  {
    name: 'two batches of one pair at once',
    file: 'relay/inbound/deliver-queue.js',
    from: 'pair.inFlight = true;\n        this.#batches += 1;',
    to: 'pair.inFlight = false;\n        this.#batches += 1;',
    scenarios: ['scripts-flushed', 'connections-killed'],
  },
  {
    name: 'a hold is good for ever',
    file: 'relay/inbound/deliver-queue.js',
    from: 'if (now() - hold.heldAtMs > HOLD_MS)',
    to: 'if (false)',
    also: [
      {
        file: 'engine/redis/mailbox/store.js',
        from: 'shard.clock.usAt(heldAtMs, HOLD_MS)',
        to: 'shard.clock.us(HOLD_MS)',
      },
    ],
    scenarios: ['long-zombie'],
  },
  {
    name: 'a confirm that fails is not repeated',
    file: 'relay/outbound/receipts.js',
    from: 'if (this.#ended)\n                    break;',
    to: 'this.#trimmed = this.#received; break;',
    scenarios: ['connections-killed'],
  },
  {
    name: 'window ignored',
    file: 'relay/outbound/window.js',
    from: 'return this.envelopesLeft === 0 || this.bytesLeft === 0;',
    to: 'return false;',
    scenarios: ['slow-reader'],
  },
  {
    name: 'live before what waited',
    file: 'relay/outbound/push.js',
    from: 'if (login.waiting === 0)\n            this.#cursor = login.last;',
    to: 'this.#cursor = login.last;',
    scenarios: ['cut-before-receipt'],
  },
  {
    name: 'live while the backlog is read',
    file: 'relay/outbound/push.js',
    from: 'if (this.#reading || this.#blocked)\n            return;\n        if (wakeUp.prev',
    to: 'if (this.#blocked)\n            return;\n        if (this.#reading || wakeUp.prev',
    scenarios: ['long-backlog', 'cut-before-receipt'],
  },
  {
    name: 'half-open sockets are not noticed',
    file: 'relay/outbound/heartbeat.js',
    from: 'now - this.#unansweredSinceMs > config.pongTimeoutMs * patience',
    to: 'now - this.#unansweredSinceMs > 1e9',
    scenarios: ['half-open'],
  },
  {
    name: 'a stopping node cuts its sockets',
    file: 'relay/drain.js',
    from: 'const restarting = new Map();',
    to: 'if (drainMs !== null) return;\n    const restarting = new Map();',
    scenarios: ['rolling-restart'],
  },
  {
    name: 'automatic pings on',
    file: 'relay/gateway/gateway.js',
    from: 'sendPingsAutomatically: false,',
    to: 'sendPingsAutomatically: true,',
    also: [
      {
        from: 'Math.min(IDLE_TIMEOUT_S_MAX, Math.ceil((config.pingIntervalMs + config.pongTimeoutMs * WORKING_PATIENCE) / 1000) + 20)',
        to: '8',
      },
    ],
    scenarios: ['newest-pong'],
  },
  {
    name: 'what was heard is believed, whatever the mailbox holds',
    file: 'relay/outbound/push.js',
    from: 'if (this.#heard === heard || isAfter(page.last, this.#heard))',
    to: 'if (isAfter(page.last, this.#heard))',
    also: [{ from: 'if (after !== null && isAfter(heard, after))', to: 'if (false)' }],
    scenarios: ['stray-wake-ups'],
  },
  {
    name: 'a dead letter is passed over and never set aside',
    file: 'relay/outbound/dead-letter.js',
    from: "if (state !== 'held')",
    to: "if (state !== 'none')",
    scenarios: ['dead-letter'],
  },
  {
    name: 'a dead letter stops the mailbox',
    file: 'relay/outbound/push.js',
    from: 'this.#sendAll(await withoutUnreadable(parts, page.envelopes));',
    to: 'if (page.envelopes.some(({ frame }) => frame === null)) { this.end(); return null; }\n            this.#sendAll(page.envelopes);',
    scenarios: ['dead-letter'],
  },
];
