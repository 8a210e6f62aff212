import type { LogFieldName } from './log-facts.ts';

interface LogEvent {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly facts?: readonly LogFieldName[];
  /** For operators: what has happened, and what to do if anything is to be done. */
  readonly means: string;
}

/** Every line that a node writes, by its message, once: the types of `Logger` and docs/logs.md follow. */
export const LOG_EVENTS = {
  listening: {
    level: 'info',
    facts: ['host', 'port', 'adminPort', 'engine', 'library', 'version'],
    means: 'The node takes clients: where, with which store, which build of uWebSockets.js, which version.',
  },
  'cannot start': {
    level: 'error',
    facts: ['reason'],
    means:
      'What kept the node from starting, one line for each mistake. The process ends with 2 for settings, else 1.',
  },
  'waiting for Redis': {
    level: 'warn',
    facts: ['reason'],
    means:
      'Said at the start, once for each reason: `/readyz` says 503, clients find a closed port, and the node starts as ' +
      'soon as Redis answers.',
  },
  'SIGHUP: nothing to read again': {
    level: 'info',
    means: 'Without RELAY_TLS_CERT there is no certificate to reload. SIGHUP never stops a node.',
  },
  draining: {
    level: 'info',
    facts: ['signal', 'durationMs'],
    means: 'A signal asked it to stop: `/readyz` says 503, connections are closed over that time.',
  },
  stopped: {
    level: 'info',
    facts: ['signal'],
    means: 'Everybody is gone, Redis knows; the process ends with 0.',
  },
  'second signal: ending at once': {
    level: 'warn',
    means: 'It was asked to stop twice. Nothing accepted is lost; sockets are cut without a word.',
  },
  'unforeseen: ending': {
    level: 'error',
    facts: ['error'],
    means:
      'A defect of keyrelay: the process ends with 1 and must be started again. Please report it with the stack.',
  },
  'lines of this log were lost': {
    level: 'warn',
    facts: ['count'],
    means:
      'Whoever reads the standard output had stopped reading, more than 1 MiB waited, and so many lines before this one ' +
      'are missing. The node itself went on. See what the log collector was doing.',
  },
  'session began': {
    level: 'info',
    facts: ['session', 'protocol'],
    means: 'Somebody has logged in. The number is that of the connection on this node.',
  },
  'session of': {
    level: 'debug',
    facts: ['session', 'user', 'address'],
    means: 'Who that is, and from where.',
  },
  'session ended': {
    level: 'info',
    facts: ['session', 'close', 'reason', 'durationMs'],
    means:
      'The connection has ended: its close code, how long it was open, and who ended it: `client`, `lost` (no close ' +
      'was said), or the name of a close of the relay, as in `keyrelay_sessions_closed_total`.',
  },
  'a login failed': {
    level: 'debug',
    facts: ['error'],
    means: 'The store did not answer in time; the client was told `unavailable` and comes back.',
  },
  'a stored envelope cannot be pushed: set aside': {
    level: 'error',
    facts: ['reason'],
    means:
      'It is kept in `poison:{CODE}`, and what stands behind it is delivered: see the runbook, KeyrelayPoison.',
  },
  'an envelope could not be handed to its socket': {
    level: 'error',
    facts: ['error'],
    means:
      'A defect of keyrelay; the client is asked to come back and gets it again. Please report it with the stack.',
  },
  'a request failed': {
    level: 'error',
    facts: ['error'],
    means:
      'A defect in the HTTP API; the client got 503 or lost its connection. Please report it with the stack.',
  },
  'an upgrade failed': {
    level: 'error',
    facts: ['error'],
    means: 'A defect in the WebSocket upgrade; that connection was cut. Please report it with the stack.',
  },
  'the admin server could not answer': {
    level: 'error',
    facts: ['error'],
    means: 'A request on the admin port got 500. Please report it with the stack.',
  },
  'connected to Redis': {
    level: 'info',
    facts: ['shard'],
    means: 'At the start, and after each time it was away.',
  },
  'Redis is unavailable': {
    level: 'warn',
    facts: ['shard', 'reason'],
    means: 'Said once for each reason: the node is not ready and tries again by itself.',
  },
  'Redis refused a call': {
    level: 'error',
    facts: ['verb', 'reason'],
    means:
      'Redis answered with an error: `OOM` is KeyrelayRedisMemoryFull, `MISCONF` KeyrelayRedisNotPersisting, `NOPERM` ' +
      'an ACL that is not that of deploy/redis.',
  },
  'nobody tells which Redis servers are masters': {
    level: 'warn',
    facts: ['reason'],
    means: 'No Sentinel, or no Cluster node, gives a usable answer; asked again until one does.',
  },
  'wake-ups do not come back: reading mailboxes instead': {
    level: 'error',
    facts: ['shard'],
    means: 'The probe failed: see the runbook, KeyrelayWakeUpsFailing.',
  },
  'wake-ups come again': {
    level: 'info',
    facts: ['shard'],
    means: 'The probe is back, and so is live delivery.',
  },
  'waiting mail cannot be estimated': {
    level: 'warn',
    facts: ['shard', 'reason'],
    means:
      'Said once for each reason. `NOPERM`: the user lacks RANDOMKEY and DBSIZE, see deploy/redis/keyrelay.acl. Only ' +
      '`keyrelay_waiting_mailboxes` and `keyrelay_waiting_envelopes` are affected.',
  },
  'certificate read again: new connections get it': { level: 'info', means: 'SIGHUP, with RELAY_TLS_CERT.' },
  'certificate not read again: the old one stays': {
    level: 'error',
    facts: ['error'],
    means:
      'The files of RELAY_TLS_CERT and RELAY_TLS_KEY are not a pair that can be used; mend them, SIGHUP again.',
  },
  'protocol 1 is served without TLS': {
    level: 'warn',
    facts: ['reason'],
    means: 'Beyond loopback, as far as the settings tell. The reason says what may happen, and what to set.',
  },
  'RELAY_PUBLIC_URL is not set': {
    level: 'warn',
    facts: ['reason'],
    means: 'The reason says what protocol 2 then cannot do.',
  },
  'starting workers': {
    level: 'info',
    facts: ['count', 'port'],
    means: '`serve --workers`: so many, on that port.',
  },
  'restarting workers one after the other': { level: 'info', facts: ['count'], means: 'SIGHUP was heard.' },
  'workers stopped': { level: 'info', facts: ['count'], means: 'All have drained.' },
  'a worker has ended: starting another': {
    level: 'error',
    facts: ['count', 'reason', 'delayMs'],
    means:
      'Worker number `count` ended by itself; its own last lines tell why. Started again after that time.',
  },
} as const satisfies Record<string, LogEvent>;

export type LogEventName = keyof typeof LOG_EVENTS;
/** What may be told with an event. */
export type FactsOf<E extends LogEventName> = (typeof LOG_EVENTS)[E] extends {
  readonly facts: infer F extends readonly LogFieldName[];
}
  ? F[number]
  : never;
