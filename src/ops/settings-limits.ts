import { type Setting, setting } from './setting.ts';
import { integer } from './setting-schemas.ts';

const OFF = 'off';
const RATE_MAX = 1_000_000_000;

/** What bounds users, addresses and the process itself. Those per user or address can be turned off, with 0. */
export const LIMITS = {
  windowEnvelopes: setting({
    env: 'RELAY_WINDOW_ENVELOPES',
    default: '256',
    description: 'Envelopes sent to a client before it must have confirmed the first.',
    schema: integer({ min: 1, max: 65_536 }),
  }),
  windowBytes: setting({
    env: 'RELAY_WINDOW_BYTES',
    default: '1048576',
    unit: 'bytes',
    description: 'Bytes sent to a client before it must have confirmed the first.',
    schema: integer({ min: 1024, max: 67_108_864 }),
  }),
  envelopesPerSecond: setting({
    env: 'RELAY_ENVELOPES_PER_S',
    default: '200',
    unit: 'per second',
    description: 'Envelopes that one user may send, sustained; twice as many in a burst. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  bytesPerSecond: setting({
    env: 'RELAY_BYTES_PER_S',
    default: '4194304',
    unit: 'bytes per second',
    description: 'Bytes that one user may send, sustained; twice as many in a burst. 0: off.',
    schema: integer({ min: 1024, max: RATE_MAX, zero: OFF }),
  }),
  upgradesPerSecond: setting({
    env: 'RELAY_UPGRADES_PER_S',
    default: '50',
    unit: 'per second',
    description:
      'WebSocket upgrades from one address (IPv6: one /64), sustained; twice as many in a burst. Connections of any ' +
      'kind are refused at twice that rate. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  socketsPerAddress: setting({
    env: 'RELAY_SOCKETS_PER_ADDRESS',
    default: '5000',
    description:
      'Open sockets of one address on one node. High, because an office or a mobile carrier puts thousands of ' +
      'people behind one address. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  pendingPerAddress: setting({
    env: 'RELAY_PENDING_PER_ADDRESS',
    default: '200',
    description: 'Of those, how many may be without a login yet. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  maxPending: setting({
    env: 'RELAY_MAX_PENDING',
    default: '5000',
    description:
      'Sockets of one process without a login yet. Each may hold up to two frames of the largest size in memory. ' +
      'Beyond, the one that has waited longest is closed.',
    schema: integer({ min: 1, max: 10_000_000 }),
  }),
  noisePerSecond: setting({
    env: 'RELAY_NOISE_PER_S',
    default: '20',
    unit: 'per second',
    description:
      'Of one user, before a login of one address: pings, receipts that confirm nothing, and frames refused for being ' +
      'too fast; 25 seconds of it in a burst. Beyond, the socket is closed with 4429. A fault counts for 2.5 seconds of ' +
      'it, and who has used up half of the burst waits before the next login. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  takeoversMax: setting({
    env: 'RELAY_TAKEOVERS_MAX',
    default: '20',
    description:
      'How often devices of one user may displace each other without two minutes of peace. Then whoever comes back ' +
      'is told to wait, each time twice as long, up to a minute. Counted by each node for itself. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  registrationsPerMinute: setting({
    env: 'RELAY_REGISTRATIONS_PER_MIN',
    default: '60',
    unit: 'per minute',
    description: '`POST /users` from one address. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  lookupsPerMinute: setting({
    env: 'RELAY_LOOKUPS_PER_MIN',
    default: '120',
    unit: 'per minute',
    description:
      '`GET /users/:code` from one address, so that codes cannot be walked through; sending to a code that no user has ' +
      'draws from the same budget. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  maxSockets: setting({
    env: 'RELAY_MAX_SOCKETS',
    default: '18000',
    description:
      'Open sockets of one process; further upgrades get 503, and at 500 more connections of any kind are closed ' +
      'unheard. Keep it below the limit of open files.',
    schema: integer({ min: 1, max: 10_000_000 }),
  }),
  maxLagMs: setting({
    env: 'RELAY_MAX_LAG_MS',
    default: '500',
    unit: 'ms',
    description:
      'Event-loop lag (90th percentile of a second) beyond which newcomers get 503, so that those who are in do ' +
      'not suffer. 0: off.',
    schema: integer({ min: 10, max: 60_000, zero: OFF }),
  }),
  inflightBytesPerSocket: setting({
    env: 'RELAY_INFLIGHT_BYTES',
    default: '1048576',
    unit: 'bytes',
    description: 'Bytes of one sender on their way to the store; beyond, `unavailable`.',
    schema: integer({ min: 1024, max: 1_073_741_824 }),
  }),
  inflightBytes: setting({
    env: 'RELAY_NODE_INFLIGHT_BYTES',
    default: '67108864',
    unit: 'bytes',
    description: 'The same for all senders of one node together.',
    schema: integer({ min: 1024, max: 17_179_869_184 }),
  }),
  connectTimeoutMs: setting({
    env: 'RELAY_CONNECT_TIMEOUT_MS',
    default: '10000',
    unit: 'ms',
    description: 'Time that a new connection has for a successful `connect`.',
    schema: integer({ min: 100, max: 120_000 }),
  }),
  pingIntervalMs: setting({
    env: 'RELAY_PING_INTERVAL_MS',
    default: '15000',
    unit: 'ms',
    description: 'How often a quiet connection is pinged. Below the idle timeout of what stands in between.',
    schema: integer({ min: 100, max: 300_000 }),
  }),
  pongTimeoutMs: setting({
    env: 'RELAY_PONG_TIMEOUT_MS',
    default: '18000',
    unit: 'ms',
    description:
      'How long a ping may stay unanswered, while the client takes nothing, before the connection is closed. With the interval before it: how long a half-open one is kept, 34 s by default.',
    schema: integer({ min: 100, max: 600_000 }),
  }),
} as const satisfies Record<string, Setting<unknown>>;
