import { type Setting, setting } from './setting.ts';
import { integer } from './setting-schemas.ts';

const OFF = 'off';
const RATE_MAX = 1_000_000_000;

/** Limits of users, addresses and the process. Those per user or address can be turned off, with 0. */
export const LIMITS = {
  windowEnvelopes: setting({
    env: 'RELAY_WINDOW_ENVELOPES',
    default: '256',
    // A client of protocol 2 acknowledges after 64 envelopes or a second: with less, it would get that many a second.
    description:
      'Envelopes sent to a client before it must confirm the first of them. At least the 64 after which clients acknowledge.',
    schema: integer({ min: 64, max: 65_536 }),
  }),
  windowBytes: setting({
    env: 'RELAY_WINDOW_BYTES',
    default: '1048576',
    unit: 'bytes',
    description: 'Bytes sent to a client before it must confirm the first of them.',
    schema: integer({ min: 1024, max: 67_108_864 }),
  }),
  envelopesPerSecond: setting({
    env: 'RELAY_ENVELOPES_PER_S',
    default: '200',
    unit: 'per second',
    description: 'Envelopes that one user may send, sustained; twice as many in a burst. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  bytesPerSecond: setting({
    env: 'RELAY_BYTES_PER_S',
    default: '4194304',
    unit: 'bytes per second',
    description: 'Bytes that one user may send, sustained; twice as many in a burst. 0: off.',
    live: true,
    schema: integer({ min: 1024, max: RATE_MAX, zero: OFF }),
  }),
  upgradesPerSecond: setting({
    env: 'RELAY_UPGRADES_PER_S',
    default: '50',
    unit: 'per second',
    description:
      'WebSocket upgrades from one address (IPv6: one /64), sustained; twice as many in a burst. Connections of any ' +
      'kind are refused at twice that rate. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  socketsPerAddress: setting({
    env: 'RELAY_SOCKETS_PER_ADDRESS',
    default: '5000',
    description:
      'Open sockets of one address on one node. High, because thousands of people share the address of an office or ' +
      'a mobile carrier. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  pendingPerAddress: setting({
    env: 'RELAY_PENDING_PER_ADDRESS',
    default: '200',
    description: 'How many of those may be without a login. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  maxPending: setting({
    env: 'RELAY_MAX_PENDING',
    default: '5000',
    description:
      'Sockets of one process without a login. Each may hold up to two frames of the largest size in memory. ' +
      'Beyond, the oldest is closed.',
    live: true,
    schema: integer({ min: 1, max: 10_000_000 }),
  }),
  noisePerSecond: setting({
    env: 'RELAY_NOISE_PER_S',
    default: '20',
    unit: 'per second',
    description:
      'Penalties of one user (before a login: of one address): one for each ping, receipt that confirms nothing, and ' +
      'frame refused for its rate; 25 seconds of them in a burst. Beyond, the socket is closed with 4429. A fault ' +
      'counts as 2.5 seconds of penalties, and below half of the burst the next login is delayed. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  maxBlocks: setting({
    env: 'RELAY_MAX_BLOCKS',
    default: '1000',
    description: 'Codes that one user may block.',
    schema: integer({ min: 0, max: 100_000 }),
  }),
  takeoversMax: setting({
    env: 'RELAY_TAKEOVERS_MAX',
    default: '20',
    description:
      'How often devices of one user may displace each other with less than two minutes between. Beyond, each login ' +
      'has to wait twice as long as the one before, up to a minute. Counted per node. 0: off.',
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  registrationsPerMinute: setting({
    env: 'RELAY_REGISTRATIONS_PER_MIN',
    default: '60',
    unit: 'per minute',
    description: '`POST /users` from one address. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  lookupsPerMinute: setting({
    env: 'RELAY_LOOKUPS_PER_MIN',
    default: '120',
    unit: 'per minute',
    description:
      '`GET /users/:code` from one address, so that codes cannot be enumerated; sending to an unknown code takes from ' +
      'the same budget. 0: off.',
    live: true,
    schema: integer({ min: 1, max: RATE_MAX, zero: OFF }),
  }),
  maxSockets: setting({
    env: 'RELAY_MAX_SOCKETS',
    default: '18000',
    description:
      'Open sockets of one process; further upgrades get 503, and 500 above this, connections of any kind are closed ' +
      'at once. Keep it below the limit of open files.',
    live: true,
    schema: integer({ min: 1, max: 10_000_000 }),
  }),
  maxLagMs: setting({
    env: 'RELAY_MAX_LAG_MS',
    default: '500',
    unit: 'ms',
    description:
      'Event-loop lag (90th percentile of a second) beyond which new connections get 503, to protect those that are ' +
      'logged in. 0: off.',
    live: true,
    schema: integer({ min: 10, max: 60_000, zero: OFF }),
  }),
  inflightBytesPerSocket: setting({
    env: 'RELAY_INFLIGHT_BYTES',
    default: '1048576',
    unit: 'bytes',
    description: 'Bytes of one sender in flight to the store; beyond, `unavailable`.',
    schema: integer({ min: 1024, max: 1_073_741_824 }),
  }),
  inflightBytes: setting({
    env: 'RELAY_NODE_INFLIGHT_BYTES',
    default: '67108864',
    unit: 'bytes',
    description: 'The same for all senders of a node together.',
    schema: integer({ min: 1024, max: 17_179_869_184 }),
  }),
  connectTimeoutMs: setting({
    env: 'RELAY_CONNECT_TIMEOUT_MS',
    default: '10000',
    unit: 'ms',
    description: 'Time for a new connection to complete a successful `connect`.',
    live: true,
    schema: integer({ min: 100, max: 120_000 }),
  }),
  pingIntervalMs: setting({
    env: 'RELAY_PING_INTERVAL_MS',
    default: '15000',
    unit: 'ms',
    description:
      'How often a quiet connection is pinged. Keep it below the idle timeout of proxies in between.',
    schema: integer({ min: 100, max: 300_000 }),
  }),
  pongTimeoutMs: setting({
    env: 'RELAY_PONG_TIMEOUT_MS',
    default: '18000',
    unit: 'ms',
    description:
      'How long a ping may stay unanswered, while the client takes no data, before the connection is closed. Together ' +
      'with the ping interval: how long a half-open connection is kept, 34 s by default.',
    schema: integer({ min: 100, max: 600_000 }),
  }),
} as const satisfies Record<string, Setting<unknown>>;
