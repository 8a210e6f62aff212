import { randomBytes } from 'node:crypto';
import { type Setting, setting } from './setting.ts';
import {
  boolean,
  cidrs,
  file,
  host,
  idleTtl,
  integer,
  nodeId,
  oneOf,
  origins,
  protocols,
  publicUrls,
  pushHosts,
  pushSubject,
  redisUrls,
  seconds,
  token,
  vapidKey,
  webhookSecret,
  webhookUrl,
} from './setting-schemas.ts';
import { LIMITS } from './settings-limits.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Every setting, declared once. `Config`, `--help` and docs/settings.md follow from this table, in this order. */
export const SETTINGS = {
  host: setting({
    env: 'RELAY_HOST',
    default: '127.0.0.1',
    description:
      'Address on which the node serves clients. Loopback by default, because protocol 1 needs TLS: ' +
      'in a container or behind a load balancer set 0.0.0.0 (or ::).',
    schema: host(),
  }),
  port: setting({
    env: 'RELAY_PORT',
    default: '8080',
    description:
      'Port for clients: `/ws`, `/users` and the page. 0 lets the system choose; the log shows the port.',
    schema: integer({ min: 0, max: 65_535 }),
  }),
  tlsCert: setting({
    env: 'RELAY_TLS_CERT',
    default: '',
    defaultMeans: 'none: TLS ends in front of the node',
    description:
      'PEM file with the certificate and its chain: the node itself speaks TLS. SIGHUP reads it again; open ' +
      'connections stay.',
    schema: file(),
  }),
  tlsKey: setting({
    env: 'RELAY_TLS_KEY',
    default: '',
    defaultMeans: 'none',
    description: 'PEM file with the private key of that certificate, without a passphrase.',
    schema: file(),
  }),
  configFile: setting({
    env: 'RELAY_CONFIG_FILE',
    default: '',
    defaultMeans: 'none',
    description:
      'File with settings, one `RELAY_NAME=value` a line; the environment is stronger. SIGHUP reads it again, for the ' +
      'settings that can change at run time.',
    schema: file(),
  }),
  adminHost: setting({
    env: 'RELAY_ADMIN_HOST',
    default: '127.0.0.1',
    description: 'Address of the admin server. It speaks plain HTTP: never open it to the internet.',
    schema: host(),
  }),
  adminPort: setting({
    env: 'RELAY_ADMIN_PORT',
    default: '9464',
    description:
      'Port of the admin server: `/healthz`, `/readyz`, `/metrics`, `/v1`. 0 lets the system choose.',
    schema: integer({ min: 0, max: 65_535 }),
  }),
  adminToken: setting({
    env: 'RELAY_ADMIN_TOKEN',
    default: '',
    defaultMeans: 'none: the admin server only shows',
    description:
      'What operators prove themselves by (docs/admin-api.md): at least 16 characters, such as those of ' +
      '`openssl rand -hex 24`. The same on all nodes.',
    secret: true,
    schema: token(),
  }),
  redisUrls: setting({
    env: 'RELAY_REDIS_URL',
    default: '',
    defaultMeans: 'memory: one node, and nothing survives a restart',
    description:
      'Where users and mailboxes are stored: `redis://`, `rediss://`, several with commas between for a Cluster, ' +
      'or `redis+sentinel://host:port,host:port/name`, with `?sentinel_user=…&sentinel_password=…` for the sentinels.',
    secret: true,
    schema: redisUrls(),
  }),
  nodeId: setting({
    env: 'RELAY_NODE_ID',
    default: '',
    defaultMeans: 'random, new at every start',
    description: 'Name of this node in logs and presence; unique among running nodes.',
    schema: nodeId(() => randomBytes(4).toString('hex')),
  }),
  publicUrls: setting({
    env: 'RELAY_PUBLIC_URL',
    default: '',
    defaultMeans: 'unknown: protocol 2 cannot detect a relay in the middle',
    description:
      'URLs that clients dial, `wss://host[:port]/ws`, with commas between. Protocol 2 signs them.',
    schema: publicUrls(),
  }),
  protocols: setting({
    env: 'RELAY_PROTOCOLS',
    default: '1,2',
    description: 'Protocols served. `2` refuses protocol 1, whose `connect` an eavesdropper can replay.',
    schema: protocols(),
  }),
  requireProof: setting({
    env: 'RELAY_REQUIRE_PROOF',
    default: 'false',
    description: 'Whether a registration must prove possession of the Ed25519 key.',
    live: true,
    schema: boolean(),
  }),
  registration: setting({
    env: 'RELAY_REGISTRATION',
    default: 'open',
    description:
      'Who may become a user. `open`: anybody. `invite`: holders of an invitation (`keyrelay admin invite create`). ' +
      '`closed`: only those whom an operator registers. Users who are registered are not affected.',
    live: true,
    schema: oneOf(['open', 'invite', 'closed']),
  }),
  registrationWorkBits: setting({
    env: 'RELAY_REGISTRATION_WORK_BITS',
    default: '0',
    unit: 'bits',
    description:
      'What a new user costs while `RELAY_REGISTRATION` is `open`: so many zero bits of a SHA-256, found by trying (docs/protocol.md 1). ' +
      'Each bit doubles the work; 18 take a phone a second or two. While a node makes more than 60 accounts a minute it ' +
      'asks for one bit more at each doubling, six at most. 0: off.',
    live: true,
    schema: integer({ min: 1, max: 20, zero: 'off' }),
  }),
  maxFrameBytes: setting({
    env: 'RELAY_MAX_FRAME_BYTES',
    default: '65536',
    unit: 'bytes',
    description:
      'Largest frame that a client may send. Up to twice this size the answer is `too_large`; beyond, the connection is cut.',
    schema: integer({ min: 1024, max: 1_048_576 }),
  }),
  mailboxTtlMs: setting({
    env: 'RELAY_MAILBOX_TTL',
    default: '604800',
    unit: 'seconds',
    description: 'How long an undelivered envelope waits, from the time it was stored.',
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
  mailboxSharePercent: setting({
    env: 'RELAY_MAILBOX_SHARE',
    default: '25',
    unit: 'percent',
    description:
      'How much of both limits the waiting envelopes of one sender may take; further ones are refused with ' +
      '`mailbox_full`, so that no single sender can fill a mailbox. One envelope may always wait. 100: off.',
    schema: integer({ min: 1, max: 100 }),
  }),
  maxUsers: setting({
    env: 'RELAY_MAX_USERS',
    default: '500000',
    description:
      'Accounts, over all nodes, beyond which registrations are refused, to keep memory for mail. Each takes about ' +
      '900 bytes of Redis: the default fits a `maxmemory` of 1 GB, and leaves half for mail.',
    schema: integer({ min: 1, max: 1_000_000_000 }),
  }),
  accountIdleTtlMs: setting({
    env: 'RELAY_ACCOUNT_IDLE_TTL',
    default: '',
    defaultMeans: '180 days where registration is open, otherwise never',
    unit: 'seconds',
    description:
      'Accounts that have not been connected for so long are deleted, so that registrations cannot be used up for good. Mail to ' +
      'such a code is refused, look-ups answer 410, and the code is never given again. Connected and banned users stay. 0: never.',
    live: true,
    schema: idleTtl(),
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
    description: 'Replicas that must have an envelope before it is `accepted`. 0: none.',
    schema: integer({ min: 0, max: 10 }),
  }),
  trustedProxies: setting({
    env: 'RELAY_TRUSTED_PROXIES',
    default: '',
    defaultMeans: 'none',
    description:
      'Networks whose `X-Forwarded-For` or `Forwarded` (RFC 7239) is trusted, with commas between. List your load ' +
      'balancer: otherwise all clients count as one address. It must remove the header that it does not set.',
    schema: cidrs(),
  }),
  allowedOrigins: setting({
    env: 'RELAY_ALLOWED_ORIGINS',
    default: '*',
    description:
      'Web origins that may use the relay from a browser, with commas between: `https://chat.example`, ' +
      '`https://*.chat.example` (any one label), `capacitor://localhost`, `tauri://localhost`, `null` (files and ' +
      'sandboxed frames). Clients without an origin are always allowed.',
    schema: origins(),
  }),
  wakeUrl: setting({
    env: 'RELAY_WAKE_URL',
    default: '',
    defaultMeans: 'no user is woken',
    description:
      'Where nodes post which users are away while something waits for them: see docs/waking.md. The same on all nodes. ' +
      '`https:`, or `http:` with RELAY_WAKE_PRIVATE. RELAY_WAKE_URL_FILE names a file with it instead.',
    secret: true,
    schema: webhookUrl(),
  }),
  wakeSecret: setting({
    env: 'RELAY_WAKE_SECRET',
    default: '',
    defaultMeans: 'none; needed with RELAY_WAKE_URL',
    description:
      'Signs these messages: `whsec_` and 24 to 64 random bytes in base64. RELAY_WAKE_SECRET_FILE names a file with it ' +
      'instead.',
    secret: true,
    schema: webhookSecret(),
  }),
  wakePrivate: setting({
    env: 'RELAY_WAKE_PRIVATE',
    default: 'false',
    description:
      'Whether RELAY_WAKE_URL may lead to a private address (10.0.0.0/8, 127.0.0.1, a link, …), and be `http:`.',
    schema: boolean(),
  }),
  pushVapidKey: setting({
    env: 'RELAY_PUSH_VAPID_KEY',
    default: '',
    defaultMeans: 'none: no device is woken by Web Push',
    description:
      'Private key by which push services know this relay (VAPID): `keyrelay admin vapid` makes one. The same on all nodes; ' +
      'with another, devices must subscribe again, which the page does. RELAY_PUSH_VAPID_KEY_FILE names a file with it ' +
      'instead.',
    secret: true,
    schema: vapidKey(),
  }),
  pushSubject: setting({
    env: 'RELAY_PUSH_SUBJECT',
    default: '',
    defaultMeans: 'none; needed with RELAY_PUSH_VAPID_KEY',
    description: 'How push services reach the operator: `mailto:you@example.org` or an `https:` URL.',
    schema: pushSubject(),
  }),
  pushServices: setting({
    env: 'RELAY_PUSH_SERVICES',
    default: 'fcm.googleapis.com,*.push.services.mozilla.com,*.push.apple.com,*.notify.windows.com',
    description:
      'Push services to which clients may have themselves pushed, `host`, `host:port` or `*.host` (any one label), with ' +
      'commas between. Add the hosts of your UnifiedPush servers.',
    schema: pushHosts(),
  }),
  pushPrivate: setting({
    env: 'RELAY_PUSH_PRIVATE',
    default: 'false',
    description: 'Whether these may have private addresses, and endpoints be `http:`.',
    schema: boolean(),
  }),
  logLevel: setting({
    env: 'RELAY_LOG_LEVEL',
    default: 'info',
    description: `One of ${LOG_LEVELS.join(', ')}. User codes and addresses are logged at debug only; trace is the same as debug.`,
    live: true,
    schema: oneOf(LOG_LEVELS),
  }),
  web: setting({
    env: 'RELAY_WEB',
    default: 'true',
    description: 'Whether the page is served at `/`.',
    schema: boolean(),
  }),
  ...LIMITS,
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

/** Variables that are not settings of a relay: commands that talk to a relay read them. */
export const CLIENT_VARIABLES = {
  RELAY_URL: 'the relay that `keyrelay demo` uses, such as http://127.0.0.1:8080',
  RELAY_ADMIN_URL: 'the admin server of a node that `keyrelay admin` asks; http://127.0.0.1:9464',
} as const;
