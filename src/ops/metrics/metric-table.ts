import type { Label } from './metric-types.ts';

export interface Declared {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** https://prometheus.io/docs/practices/naming/: base units, `_total` for counters. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
  /** Upper bounds, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const VERIFY_BUCKETS = [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.005, 0.02];
/** The last: a call that waited for a failover. */
const COMMAND_BUCKETS = [0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1, 5];
/** 40 s: the longest delay after a lost wake-up. */
const DELIVERY_BUCKETS = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 1, 2, 5, 15, 40];

/** The last: when a message is given up. */
const WAKE_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const PROTOCOL: Label = ['protocol', ['1', '2']];

/** Every metric, declared once: `createMetrics`, its types and docs/metrics.md follow. None is labelled by user. */
export const METRICS = {
  ready: {
    type: 'gauge',
    name: 'keyrelay_ready',
    help: 'Whether this node accepts new connections, as /readyz says: 1 or 0.',
  },
  sockets: {
    type: 'gauge',
    name: 'keyrelay_sockets',
    help: 'Open WebSocket connections: pending before a successful connect, connected after it.',
    labels: [['state', ['pending', 'connected']]],
  },
  socketsMax: {
    type: 'gauge',
    name: 'keyrelay_sockets_max',
    help: 'Limit of open WebSocket connections of this process (RELAY_MAX_SOCKETS).',
  },
  upgradesRefused: {
    type: 'counter',
    name: 'keyrelay_upgrades_refused_total',
    help: 'WebSocket upgrades that were refused.',
    labels: [
      [
        'reason',
        [
          'handshake',
          'sockets',
          'draining',
          'overload',
          'origin',
          'address_rate',
          'address_sockets',
          'address_pending',
        ],
      ],
    ],
  },
  certificateExpiry: {
    type: 'gauge',
    name: 'keyrelay_certificate_expiry_timestamp_seconds',
    help: 'Expiry of the certificate that this node serves (RELAY_TLS_CERT); 0 without TLS in the node.',
  },
  connectionsRefused: {
    type: 'counter',
    name: 'keyrelay_connections_refused_total',
    help: 'Connections closed before their first byte: the process has too many, or one address opens too many.',
    labels: [['reason', ['sockets', 'address_rate']]],
  },
  logins: {
    type: 'counter',
    name: 'keyrelay_logins_total',
    help: 'Outcomes of connect: accepted, timeout, or an error code of docs/protocol.md.',
    labels: [['outcome', null], PROTOCOL],
  },
  sessionsClosed: {
    type: 'counter',
    name: 'keyrelay_sessions_closed_total',
    help: 'Connections that ended: client, lost, or the name of a close of docs/protocol.md.',
    labels: [['reason', null]],
  },
  takeovers: {
    type: 'counter',
    name: 'keyrelay_takeovers_total',
    help: 'Sessions displaced by a newer login of the same user.',
  },
  loginsDamped: {
    type: 'counter',
    name: 'keyrelay_logins_damped_total',
    help: 'Logins delayed because devices of one user displace each other again and again (RELAY_TAKEOVERS_MAX).',
  },
  framesReceived: {
    type: 'counter',
    name: 'keyrelay_frames_received_total',
    help: 'Frames received from clients, well formed or not.',
  },
  bytesReceived: {
    type: 'counter',
    name: 'keyrelay_received_bytes_total',
    help: 'Bytes of those frames.',
  },
  envelopesReceived: {
    type: 'counter',
    name: 'keyrelay_envelopes_received_total',
    help: 'Envelopes from clients: stored, repeated, or the error code of docs/protocol.md.',
    labels: [['outcome', null]],
  },
  commands: {
    type: 'counter',
    name: 'keyrelay_commands_total',
    help: 'Commands of clients to the relay: accepted, or the error code of docs/protocol.md that was answered.',
    labels: [
      ['command', null],
      ['outcome', null],
    ],
  },
  sharesFull: {
    type: 'counter',
    name: 'keyrelay_mailbox_shares_full_total',
    help: 'Envelopes refused with mailbox_full because the share of their sender was used up (RELAY_MAILBOX_SHARE).',
  },
  envelopesPushed: {
    type: 'counter',
    name: 'keyrelay_envelopes_pushed_total',
    help: 'Envelopes pushed to the socket of their recipient, including repeats after reconnects.',
  },
  bytesPushed: {
    type: 'counter',
    name: 'keyrelay_pushed_bytes_total',
    help: 'Bytes of those envelopes.',
  },
  envelopesConfirmed: {
    type: 'counter',
    name: 'keyrelay_envelopes_confirmed_total',
    help: 'Envelopes confirmed by their recipient.',
  },
  envelopesWaited: {
    type: 'counter',
    name: 'keyrelay_envelopes_waited_total',
    help: 'Envelopes that waited in the mailbox at a login of their recipient.',
  },
  mailboxesWaiting: {
    type: 'gauge',
    name: 'keyrelay_waiting_mailboxes',
    help:
      'Mailboxes that hold mail, in the whole store: estimated once a minute by every node from 1,000 random keys, so ' +
      'take the average over nodes and time. 0 before the first estimate, and without Redis.',
  },
  envelopesWaiting: {
    type: 'gauge',
    name: 'keyrelay_waiting_envelopes',
    help: 'Envelopes in those mailboxes, estimated from the same keys.',
  },
  envelopesExpired: {
    type: 'counter',
    name: 'keyrelay_envelopes_expired_total',
    help: 'Envelopes that expired unread (RELAY_MAILBOX_TTL), counted at the next login of their recipient.',
  },
  verifySeconds: {
    type: 'histogram',
    name: 'keyrelay_verify_duration_seconds',
    help: 'Duration of verifying one signature.',
    buckets: VERIFY_BUCKETS,
  },
  framesDeferred: {
    type: 'counter',
    name: 'keyrelay_frames_deferred_total',
    help: 'Frames queued for a later tick of the event loop, because the current one had no time left.',
  },
  acceptToPushSeconds: {
    type: 'histogram',
    name: 'keyrelay_push_delay_seconds',
    help:
      'From storing, by the clock of the store, to the push, in steps of 1 ms: of envelopes stored while their recipient ' +
      'was connected, one in flight per session at a time.',
    buckets: DELIVERY_BUCKETS,
  },
  pushToConfirmSeconds: {
    type: 'histogram',
    name: 'keyrelay_confirm_delay_seconds',
    help: 'From the push to the confirmation that covers it: of one envelope in flight per session at a time.',
    buckets: DELIVERY_BUCKETS,
  },
  windowFull: {
    type: 'counter',
    name: 'keyrelay_window_full_total',
    help: 'Times that a session stopped pushing because its window of unconfirmed envelopes was full.',
  },
  backpressure: {
    type: 'counter',
    name: 'keyrelay_backpressure_total',
    help: 'Times that a session stopped pushing because its socket took no more data.',
  },
  mailboxReads: {
    type: 'counter',
    name: 'keyrelay_mailbox_reads_total',
    help: 'Reads of mailboxes: after a login, a gap in the wake-ups, a full window, by a poll (look), after a reclaim.',
    labels: [['cause', ['login', 'gap', 'window', 'look', 'reclaim']]],
  },
  deadLettersByClient: {
    type: 'counter',
    name: 'keyrelay_client_dead_letters_total',
    help:
      'Envelopes made dead letters because of their recipient: it closed with 1009 on them three times (too_big), or ' +
      'said that it cannot take them (skipped).',
    labels: [['reason', ['too_big', 'skipped']]],
  },
  readsPutOff: {
    type: 'counter',
    name: 'keyrelay_mailbox_reads_put_off_total',
    help:
      'Reads of mailboxes put off for up to a second, because the wake-up before announced an envelope that was not ' +
      'there: unexpected messages on mailbox channels, or a store that has lost its tail.',
  },
  lostWakeUps: {
    type: 'counter',
    name: 'keyrelay_lost_wake_ups_total',
    help: 'Polls that found envelopes whose wake-up was lost.',
  },
  foreignReceipts: {
    type: 'counter',
    name: 'keyrelay_foreign_receipts_total',
    help: 'Pongs and acks that match nothing sent on their socket.',
    labels: [['kind', ['pong', 'ack']]],
  },
  deadLetters: {
    type: 'counter',
    name: 'keyrelay_poison_envelopes_total',
    help: 'Stored envelopes that could not be pushed, and became dead letters in `poison:{CODE}`.',
  },
  drainRemaining: {
    type: 'gauge',
    name: 'keyrelay_drain_remaining_sockets',
    help: 'Connections that a stopping node still has to close; 0 otherwise.',
  },
  liveNodes: {
    type: 'gauge',
    name: 'keyrelay_live_nodes',
    help: 'Nodes on this Redis that live, by their heartbeats of the last 30 s: each node says the same. 0 without Redis.',
  },
  subscriptions: {
    type: 'gauge',
    name: 'keyrelay_subscriptions',
    help: 'Mailbox channels that this node subscribes to.',
  },
  redisSeconds: {
    type: 'histogram',
    name: 'keyrelay_redis_duration_seconds',
    help: 'Duration of calls to Redis, by verb of the engine.',
    labels: [['verb', null]],
    buckets: COMMAND_BUCKETS,
  },
  redisErrors: {
    type: 'counter',
    name: 'keyrelay_redis_errors_total',
    help: 'Calls to Redis that failed or timed out, by verb of the engine.',
    labels: [['verb', null]],
  },
  probeSeconds: {
    type: 'histogram',
    name: 'keyrelay_probe_duration_seconds',
    help: 'Round trip of the probe through script, channel and subscription.',
    buckets: COMMAND_BUCKETS,
  },
  probesLost: {
    type: 'counter',
    name: 'keyrelay_probes_lost_total',
    help: 'Probes that did not come back: wake-ups of that Redis server do not arrive, and mailboxes are polled.',
  },
  idsForgotten: {
    type: 'counter',
    name: 'keyrelay_ids_forgotten_total',
    help: 'Times that a mailbox got so many ids that older ones were forgotten before their 10 minutes.',
  },
  unexpectedMessages: {
    type: 'counter',
    name: 'keyrelay_unexpected_messages_total',
    help: 'Messages on mailbox channels that no node sends; they were ignored.',
  },
  wakes: {
    type: 'counter',
    name: 'keyrelay_wakes_total',
    help:
      'Users in messages to RELAY_WAKE_URL: sent, refused (4xx: tried again after 5 min) or failed (tried again after a ' +
      'growing pause).',
    labels: [['outcome', ['sent', 'refused', 'failed']]],
  },
  wakeSeconds: {
    type: 'histogram',
    name: 'keyrelay_wake_duration_seconds',
    help: 'Time in which RELAY_WAKE_URL took, refused or failed to take a message.',
    buckets: WAKE_BUCKETS,
  },
  wakePaused: {
    type: 'gauge',
    name: 'keyrelay_wake_paused',
    help: 'Whether this node pauses (1) because RELAY_WAKE_URL did not take its last message. Users wait in the store.',
  },
  pushes: {
    type: 'counter',
    name: 'keyrelay_pushes_total',
    help:
      'Messages to push services: sent, gone (404 or 410: the subscription was dropped), refused (tried again after 5 min) ' +
      'or failed (tried again after a growing pause).',
    labels: [['outcome', ['sent', 'gone', 'refused', 'failed']]],
  },
  pushSeconds: {
    type: 'histogram',
    name: 'keyrelay_push_duration_seconds',
    help: 'Time in which a push service took, refused or failed to take a message.',
    buckets: WAKE_BUCKETS,
  },
  pushPaused: {
    type: 'gauge',
    name: 'keyrelay_push_paused_services',
    help: 'Entries of RELAY_PUSH_SERVICES to which this node pauses, because they did not take its last message.',
  },
  registrationWork: {
    type: 'gauge',
    name: 'keyrelay_registration_difficulty',
    help:
      'Bits of work that this node asks of a new user: RELAY_REGISTRATION_WORK_BITS, and up to six more while many register. ' +
      'Requests that are answered with a challenge count as status 428 in keyrelay_http_requests_total.',
  },
  httpRequests: {
    type: 'counter',
    name: 'keyrelay_http_requests_total',
    help: 'HTTP requests by route and status.',
    labels: [
      ['route', ['register', 'lookup', 'page', 'websocket', 'other']],
      ['status', null],
    ],
  },
  buildInfo: {
    type: 'gauge',
    name: 'keyrelay_build_info',
    help:
      'Always 1: the versions of keyrelay and Node.js, the uWebSockets.js package that was loaded, and the library that ' +
      'verifies signatures.',
    labels: [
      ['version', null],
      ['node', null],
      ['uws', null],
      ['verifier', null],
    ],
  },
} as const satisfies Record<string, Declared>;
