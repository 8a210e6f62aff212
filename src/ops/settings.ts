import { randomBytes } from 'node:crypto';
import {
  boolean,
  cidrs,
  host,
  integer,
  nodeId,
  oneOf,
  origins,
  protocols,
  publicUrls,
  redisUrls,
  seconds,
  type TextSchema,
} from './setting-schemas.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export interface Setting<T> {
  /** The environment variable. */
  readonly env: string;
  /** As an operator would write it; the empty text counts as unset. */
  readonly default: string;
  /** What the default does, where the text alone does not say it. */
  readonly defaultMeans?: string;
  readonly unit?: string;
  readonly description: string;
  /** May hold a password: never printed. */
  readonly secret?: true;
  readonly schema: TextSchema<T>;
}

function setting<T>(declared: Setting<T>): Setting<T> {
  return declared;
}

const OFF = 'off';
const RATE_MAX = 1_000_000_000;

/**
 * Every setting, once. `Config`, `--help` and docs/settings.md follow from this table; the order is theirs too.
 * Limits that protect the process itself cannot be turned off; those per user or address can, with 0.
 */
export const SETTINGS = {
  host: setting({
    env: 'RELAY_HOST',
    default: '127.0.0.1',
    description:
      'Address that clients are served on. Loopback by default, because protocol 1 belongs under TLS: ' +
      'a container or a node behind a load balancer sets 0.0.0.0 (or ::).',
    schema: host(),
  }),
  port: setting({
    env: 'RELAY_PORT',
    default: '8080',
    description:
      'Port for clients: `/ws`, `/users` and the page. 0 lets the system choose; the log says which.',
    schema: integer({ min: 0, max: 65_535 }),
  }),
  adminHost: setting({
    env: 'RELAY_ADMIN_HOST',
    default: '127.0.0.1',
    description: 'Address of the admin server. It knows no passwords: never open it to the internet.',
    schema: host(),
  }),
  adminPort: setting({
    env: 'RELAY_ADMIN_PORT',
    default: '9464',
    description: 'Port of the admin server: `/healthz`, `/readyz`, `/metrics`. 0 lets the system choose.',
    schema: integer({ min: 0, max: 65_535 }),
  }),
  redisUrls: setting({
    env: 'RELAY_REDIS_URL',
    default: '',
    defaultMeans: 'memory: one node, nothing survives a restart',
    description:
      'Where users and mailboxes live: `redis://`, `rediss://`, several with commas between for a Cluster, ' +
      'or `redis+sentinel://host:port,host:port/name`.',
    secret: true,
    schema: redisUrls(),
  }),
  nodeId: setting({
    env: 'RELAY_NODE_ID',
    default: '',
    defaultMeans: 'random, new at every start',
    description: 'Name of this node in logs and presence; no two living nodes may share one.',
    schema: nodeId(() => randomBytes(4).toString('hex')),
  }),
  publicUrls: setting({
    env: 'RELAY_PUBLIC_URL',
    default: '',
    defaultMeans: 'unknown: protocol 2 cannot tell a relay in the middle',
    description:
      'URLs that clients dial, `wss://host[:port]/ws`, with commas between. Protocol 2 signs them.',
    schema: publicUrls(),
  }),
  protocols: setting({
    env: 'RELAY_PROTOCOLS',
    default: '1,2',
    description:
      'Protocols served. `2` refuses protocol 1, whose `connect` can be replayed by whoever saw it.',
    schema: protocols(),
  }),
  requireProof: setting({
    env: 'RELAY_REQUIRE_PROOF',
    default: 'false',
    description: 'Whether a registration must prove that it holds the Ed25519 key.',
    schema: boolean(),
  }),
  maxFrameBytes: setting({
    env: 'RELAY_MAX_FRAME_BYTES',
    default: '65536',
    unit: 'bytes',
    description:
      'Largest frame that a client may send. Up to twice is answered `too_large`, beyond drops the connection.',
    schema: integer({ min: 1024, max: 1_048_576 }),
  }),
  mailboxTtlMs: setting({
    env: 'RELAY_MAILBOX_TTL',
    default: '604800',
    unit: 'seconds',
    description: 'How long an undelivered envelope waits, from its own storing.',
    schema: seconds({ min: 1, max: 31_536_000 }),
  }),
  mailboxEnvelopes: setting({
    env: 'RELAY_MAILBOX_ENVELOPES',
    default: '1000',
    description: 'Envelopes that one mailbox holds; further ones are refused with `mailbox_full`.',
    schema: integer({ min: 1, max: 1_000_000 }),
  }),
  mailboxBytes: setting({
    env: 'RELAY_MAILBOX_BYTES',
    default: '4194304',
    unit: 'bytes',
    description: 'Bytes that one mailbox holds. At least one frame of the largest size.',
    schema: integer({ min: 1024, max: 1_073_741_824 }),
  }),
  maxUsers: setting({
    env: 'RELAY_MAX_USERS',
    default: '1000000',
    description:
      'Accounts, over all nodes, beyond which registrations are refused, so that they cannot take the memory ' +
      'that mail needs. Each takes about 650 bytes of Redis, so the default is 0.65 GB.',
    schema: integer({ min: 1, max: 1_000_000_000 }),
  }),
  drainMs: setting({
    env: 'RELAY_DRAIN_MS',
    default: '10000',
    unit: 'ms',
    description:
      'Time over which a stopping node spreads the closing of its connections. 0 closes all at once.',
    schema: integer({ min: 0, max: 600_000 }),
  }),
  redisWaitReplicas: setting({
    env: 'RELAY_REDIS_WAIT_REPLICAS',
    default: '0',
    description: 'Replicas that must hold an envelope before it is `accepted`. 0 asks for none.',
    schema: integer({ min: 0, max: 10 }),
  }),
  trustedProxies: setting({
    env: 'RELAY_TRUSTED_PROXIES',
    default: '',
    defaultMeans: 'none',
    description:
      'Networks whose `X-Forwarded-For` is believed, with commas between. Behind a load balancer it must be ' +
      'listed, otherwise all clients count as one address.',
    schema: cidrs(),
  }),
  allowedOrigins: setting({
    env: 'RELAY_ALLOWED_ORIGINS',
    default: '*',
    description:
      'Web origins that may use the relay from a browser, with commas between. Clients without an origin always may.',
    schema: origins(),
  }),
  logLevel: setting({
    env: 'RELAY_LOG_LEVEL',
    default: 'info',
    description: `One of ${LOG_LEVELS.join(', ')}. User codes and addresses are logged at debug only.`,
    schema: oneOf(LOG_LEVELS),
  }),
  web: setting({
    env: 'RELAY_WEB',
    default: 'true',
    description: 'Whether the page is served at `/`.',
    schema: boolean(),
  }),
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
      'too fast; 25 seconds of it in a burst. Beyond, the socket is closed with 4429. 0: off.',
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
    default: '20000',
    unit: 'ms',
    description: 'How often a quiet connection is pinged. Below the idle timeout of what stands in between.',
    schema: integer({ min: 100, max: 300_000 }),
  }),
  pongTimeoutMs: setting({
    env: 'RELAY_PONG_TIMEOUT_MS',
    default: '30000',
    unit: 'ms',
    description: 'How long a ping may stay unanswered before the connection is closed.',
    schema: integer({ min: 100, max: 600_000 }),
  }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

/** Variables that are no setting of a relay but may stand beside them: commands that talk to a relay read them. */
export const CLIENT_VARIABLES = {
  RELAY_URL: 'the relay that `keyrelay demo` talks to, such as http://127.0.0.1:8080',
} as const;
