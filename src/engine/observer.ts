/** Fields of a log line. No codes, no frames, no keys. */
export interface EngineLogFields {
  /** Address of a Redis server. */
  readonly shard?: string;
  readonly reason?: string;
  readonly verb?: string;
  readonly count?: number;
}

/** Log events of an engine; docs/logs.md explains each to operators. */
type EngineEvent =
  | 'connected to Redis'
  | 'Redis is unavailable'
  | 'Redis refuses calls'
  | 'Redis takes calls again'
  | 'Redis puts mail at risk'
  | 'Redis is safe again'
  | 'Redis master discovery failed'
  | 'wake-ups do not come back: reading mailboxes instead'
  | 'wake-ups come again'
  | 'waiting mail cannot be estimated'
  | 'idle accounts were deleted'
  | 'Redis has too little memory for RELAY_MAX_USERS';

/**
 * How an engine reports to log and metrics. Called synchronously on hot paths: must be quick, must not throw. Engines
 * do not depend on loggers and metric libraries.
 */
export interface EngineObserver {
  log(level: 'info' | 'warn' | 'error', event: EngineEvent, fields: EngineLogFields): void;
  /** A call was answered. `verb` is one of a small, fixed set. */
  answered(verb: string, durationMs: number): void;
  /** A call ended as `EngineUnavailable`. */
  failed(verb: string): void;
  /** A probe came back through script, channel and subscription. */
  probed(shard: string, roundTripMs: number): void;
  /** A probe did not come back. */
  probeLost(shard: string): void;
  /** How many mailbox channels this node is subscribed to now. */
  subscriptions(count: number): void;
  /** An estimate over all shards: mailboxes that hold mail, and the envelopes in them. */
  waiting(mailboxes: number, envelopes: number): void;
  /** How many nodes live, by their heartbeats. */
  liveNodes(count: number): void;
  /** A mailbox got so many ids that older ones were forgotten before their 10 minutes. */
  idsForgotten(): void;
  /** A message on a mailbox channel that no node sends; it was ignored. */
  unexpectedMessage(): void;
}

/** Ignores everything. */
export const SILENT: EngineObserver = {
  log() {},
  answered() {},
  failed() {},
  probed() {},
  probeLost() {},
  subscriptions() {},
  waiting() {},
  liveNodes() {},
  idsForgotten() {},
  unexpectedMessage() {},
};
