import type { LogFieldName } from './log-fields.ts';

interface LogEvent {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly fields?: readonly LogFieldName[];
  /** For operators: what has happened, and what to do, if anything. */
  readonly means: string;
}

/** Every line that a node writes, by its message, declared once: the types of `Logger` and docs/logs.md follow. */
export const LOG_EVENTS = {
  listening: {
    level: 'info',
    fields: ['host', 'port', 'adminPort', 'engine', 'library', 'verifier', 'version'],
    means:
      'The node accepts clients: its address, store, build of uWebSockets.js, library that verifies signatures, and ' +
      'version.',
  },
  'AWS-LC was built, but does not load': {
    level: 'warn',
    fields: ['reason'],
    means:
      'Said at the start. Signatures are verified by libsodium, which takes longer. Build it on a system and a ' +
      'processor like this one (`npm run build:verify`), or delete the file that the reason names.',
  },
  'cannot start': {
    level: 'error',
    fields: ['reason'],
    means:
      'What kept the node from starting, one line for each mistake. The process ends with 2 for settings, else 1.',
  },
  'waiting for Redis': {
    level: 'warn',
    fields: ['reason'],
    means:
      'Said at the start, once for each reason: `/readyz` says 503, clients find a closed port, and the node starts as ' +
      'soon as Redis answers.',
  },
  'idle accounts were deleted': {
    level: 'info',
    fields: ['count'],
    means: 'They had not been connected for RELAY_ACCOUNT_IDLE_TTL. One node at a time looks for them.',
  },
  'an operator acts': {
    level: 'info',
    fields: ['operator', 'verb', 'reason'],
    means:
      'An operator changes something through the admin API: the operator, the action, and the reason. The user or thing it is about stands in the audit ' +
      'log only (`keyrelay admin audit`), because this log names no users.',
  },
  'a user was reported': {
    level: 'info',
    fields: ['count'],
    means:
      'A user has shown the operators so many envelopes of another user: `keyrelay admin report list` says who, whom and what, ' +
      'because this log names no users.',
  },
  'settings have changed': {
    level: 'info',
    fields: ['reason'],
    means: 'By SIGHUP or by an operator, while the node runs: which ones.',
  },
  'settings not read again': {
    level: 'error',
    fields: ['reason'],
    means: 'SIGHUP found mistakes in RELAY_CONFIG_FILE, one line for each: the old settings hold.',
  },
  'SIGHUP: nothing to read again': {
    level: 'info',
    means:
      'Without RELAY_TLS_CERT and RELAY_CONFIG_FILE there is nothing to reload. SIGHUP never stops a node.',
  },
  draining: {
    level: 'info',
    fields: ['signal', 'durationMs'],
    means:
      'A signal asked the node to stop: `/readyz` answers 503, and connections are closed over that time.',
  },
  stopped: {
    level: 'info',
    fields: ['signal'],
    means: 'All connections are closed and their last receipts stored; the process ends with 0.',
  },
  'second signal: ending at once': {
    level: 'warn',
    means: 'A second signal. Nothing accepted is lost; sockets are cut without a close frame.',
  },
  'unforeseen: ending': {
    level: 'error',
    fields: ['error'],
    means:
      'A defect of keyrelay: the process ends with 1 and must be started again. Please report it with the stack.',
  },
  'lines of this log were lost': {
    level: 'warn',
    fields: ['count'],
    means:
      'The log collector had stopped reading standard output, more than 1 MiB waited, and `count` lines before this one ' +
      'are missing. The node itself went on. Find out what the collector was doing.',
  },
  'session began': {
    level: 'info',
    fields: ['session', 'protocol'],
    means: 'A client has logged in. `session` is the number of the connection on this node.',
  },
  'session of': {
    level: 'debug',
    fields: ['session', 'user', 'address'],
    means: 'The user of that session, and the address.',
  },
  'session ended': {
    level: 'info',
    fields: ['session', 'close', 'reason', 'durationMs'],
    means:
      'The connection has ended: its close code, how long it was open, and why: `client`, `lost` (without a close frame), ' +
      'or the name of a close of the relay, as in `keyrelay_sessions_closed_total`.',
  },
  'a login failed': {
    level: 'debug',
    fields: ['error'],
    means: 'The store did not answer in time; the client got `unavailable` and comes back.',
  },
  'an account was deleted by its user': {
    level: 'info',
    means: 'By the command `delete_account`: nothing of it is left but that its code is never given again.',
  },
  'a command failed': {
    level: 'error',
    fields: ['verb', 'error'],
    means: 'A defect of keyrelay; the client got `unavailable`. Please report it with the stack.',
  },
  'a stored envelope cannot be pushed: set aside': {
    level: 'error',
    fields: ['reason'],
    means:
      'It is now a dead letter in `poison:{CODE}`, and the envelopes behind it are delivered: see the runbook, KeyrelayPoison.',
  },
  'a recipient could not take an envelope: set aside': {
    level: 'debug',
    fields: ['reason'],
    means:
      'Its client closed with 1009 on it three times (`too_big`: its read limit is below `max_delivered_bytes`), or said ' +
      'that it cannot take it (`skipped`). It is kept in `poison:{CODE}`, with the sender and the id that the sender gave it.',
  },
  'an envelope could not be handed to its socket': {
    level: 'error',
    fields: ['error'],
    means:
      'A defect of keyrelay; the client must reconnect and gets the envelope again. Please report it with the stack.',
  },
  'a request failed': {
    level: 'error',
    fields: ['error'],
    means:
      'A defect in the HTTP API; the client got 503 or lost its connection. Please report it with the stack.',
  },
  'a trusted proxy hides its clients': {
    level: 'warn',
    fields: ['reason'],
    means:
      'Said once: a proxy in RELAY_TRUSTED_PROXIES sent no client address that the node can read, so all its clients ' +
      'share the limits of one address. `reason` shows the header with letters and digits masked. Make the proxy set ' +
      '`X-Forwarded-For` or `Forwarded` to the address that it sees, and remove the other one.',
  },
  'an upgrade failed': {
    level: 'error',
    fields: ['error'],
    means: 'A defect in the WebSocket upgrade; that connection was cut. Please report it with the stack.',
  },
  'the admin server could not answer': {
    level: 'error',
    fields: ['error'],
    means: 'A request on the admin port got 500. Please report it with the stack.',
  },
  'connected to Redis': {
    level: 'info',
    fields: ['shard'],
    means: 'At the start, and after each outage.',
  },
  'Redis is unavailable': {
    level: 'warn',
    fields: ['shard', 'reason'],
    means: 'Once for each reason: this server cannot be used; the node tries again by itself.',
  },
  'Redis refuses calls': {
    level: 'error',
    fields: ['shard', 'verb', 'reason'],
    means:
      'Once for each server and verb, when it begins: `OOM` is KeyrelayRedisMemoryFull, `MISCONF` ' +
      'KeyrelayRedisNotPersisting, `NOPERM` an ACL that is not that of deploy/redis.',
  },
  'Redis takes calls again': {
    level: 'info',
    fields: ['shard', 'verb', 'count'],
    means: 'Such a call has worked, and none was refused for five seconds. `count` were refused.',
  },
  'Redis puts mail at risk': {
    level: 'error',
    fields: ['shard', 'reason'],
    means:
      'Redis was changed while it ran, so that it may evict mailboxes, is a replica, or has stopped writing its ' +
      'append-only file. The reason says what mends it. Except for the last, `/readyz` answers 503 until then. See the ' +
      'runbook, KeyrelayRedisEvicts and KeyrelayRedisNotPersisting.',
  },
  'Redis is safe again': {
    level: 'info',
    fields: ['shard'],
    means: 'What put mail at risk is mended.',
  },
  'Redis master discovery failed': {
    level: 'warn',
    fields: ['reason'],
    means: 'No sentinel, or no Cluster node, gives a usable answer; the node asks again until one does.',
  },
  'wake-ups do not come back: reading mailboxes instead': {
    level: 'error',
    fields: ['shard'],
    means: 'The probe did not come back: see the runbook, KeyrelayWakeUpsFailing.',
  },
  'wake-ups come again': {
    level: 'info',
    fields: ['shard'],
    means: 'The probe comes back, and live delivery with it.',
  },
  'waiting mail cannot be estimated': {
    level: 'warn',
    fields: ['shard', 'reason'],
    means:
      'Once for each reason. `NOPERM`: the Redis user lacks RANDOMKEY and DBSIZE, see deploy/redis/keyrelay.acl. Only ' +
      '`keyrelay_waiting_mailboxes` and `keyrelay_waiting_envelopes` are affected.',
  },
  'certificate read again: new connections get it': { level: 'info', means: 'SIGHUP, with RELAY_TLS_CERT.' },
  'certificate not read again: the old one stays': {
    level: 'error',
    fields: ['error'],
    means:
      'The files of RELAY_TLS_CERT and RELAY_TLS_KEY are not a usable pair: correct them, then SIGHUP again.',
  },
  'protocol 1 is served without TLS': {
    level: 'warn',
    fields: ['reason'],
    means: 'Beyond loopback, as far as the settings show. The reason says what may happen, and what to set.',
  },
  'RELAY_PUBLIC_URL is not set': {
    level: 'warn',
    fields: ['reason'],
    means: 'The reason says what protocol 2 cannot do without it.',
  },
  'Redis has too little memory for RELAY_MAX_USERS': {
    level: 'warn',
    fields: ['reason'],
    means:
      'At the start: were as many users registered, little would be left for mail. The reason has the figures; lower ' +
      'RELAY_MAX_USERS or raise maxmemory.',
  },
  'the receiver of wake-ups does not take messages': {
    level: 'warn',
    fields: ['reason'],
    means:
      'RELAY_WAKE_URL did not answer, or not with 2xx: the reason says why. Logged at the first of several failures. The ' +
      'node tries again, with pauses of up to 5 min; users who are to be woken wait in the store. See docs/waking.md.',
  },
  'the receiver of wake-ups takes messages again': {
    level: 'info',
    means: 'After failures. Nothing to do.',
  },
  'a push service does not take messages': {
    level: 'warn',
    fields: ['host', 'reason'],
    means:
      'An entry of RELAY_PUSH_SERVICES did not answer, or neither with 2xx nor 4xx. Logged at the first of several failures. ' +
      'The node tries again, with pauses of up to 5 min; users wait in the store, and other services are not affected.',
  },
  'a push service takes messages again': {
    level: 'info',
    fields: ['host'],
    means: 'After failures. Nothing to do.',
  },
  'a push service refuses a message': {
    level: 'warn',
    fields: ['host', 'reason'],
    means:
      'With 401 or 403 it does not accept RELAY_PUSH_VAPID_KEY or RELAY_PUSH_SUBJECT, or the subscription was made for ' +
      'another key, which the page mends at its next login. The user is tried again after 5 min.',
  },
  'traces cannot be sent': {
    level: 'warn',
    fields: ['reason'],
    means:
      'Logged once for each reason: the collector of OTEL_EXPORTER_OTLP_ENDPOINT does not take traces. They are dropped, ' +
      'and nothing else is affected.',
  },
  'starting workers': {
    level: 'info',
    fields: ['count', 'port'],
    means: '`serve --workers`: how many, and on which port.',
  },
  'restarting workers one after the other': {
    level: 'info',
    fields: ['count'],
    means: 'SIGHUP was received.',
  },
  'workers stopped': { level: 'info', fields: ['count'], means: 'All have drained.' },
  'a worker has ended: starting another': {
    level: 'error',
    fields: ['count', 'reason', 'delayMs'],
    means:
      'Worker number `count` has ended; its own last lines say why. It is started again after that time.',
  },
} as const satisfies Record<string, LogEvent>;

export type LogEventName = keyof typeof LOG_EVENTS;
/** The fields of an event. */
export type FieldsOf<E extends LogEventName> = (typeof LOG_EVENTS)[E] extends {
  readonly fields: infer F extends readonly LogFieldName[];
}
  ? F[number]
  : never;
