/** Facts of a log line. No codes, no frames, no keys. */
export interface EngineLogFields {
  /** Address of a Redis server. */
  readonly shard?: string;
  readonly reason?: string;
  readonly verb?: string;
  readonly count?: number;
  readonly version?: string;
}

/** What an engine has to say; docs/logs.md tells operators what each means. */
type EngineEvent =
  | 'connected to Redis'
  | 'Redis is unavailable'
  | 'Redis refused a call'
  | 'nobody tells which Redis servers are masters'
  | 'wake-ups do not come back: reading mailboxes instead'
  | 'wake-ups come again'
  | 'waiting mail cannot be estimated';

/**
 * What an engine tells those who log and meter. Called synchronously on hot paths: must be quick, must not throw.
 * Engines know nothing of loggers and metric libraries.
 */
export interface EngineObserver {
  log(level: 'info' | 'warn' | 'error', event: EngineEvent, facts: EngineLogFields): void;
  /** A call was answered. `verb` is one of a fixed, small set. */
  answered(verb: string, durationMs: number): void;
  /** A call ended as `EngineUnavailable`. */
  failed(verb: string): void;
  /** A probe came back through script, channel and subscription. */
  probed(shard: string, roundTripMs: number): void;
  /** A probe did not come back. */
  probeLost(shard: string): void;
  /** How many mailbox channels this node is subscribed to now. */
  subscriptions(count: number): void;
  /** An estimate, of all shards together: mailboxes that hold mail, and the envelopes in them. */
  waiting(mailboxes: number, envelopes: number): void;
  /** A look found what no wake-up had told (`Subscription.renew`). */
  wakeUpLost(): void;
  /** So many ids were remembered in one mailbox that older ones were forgotten before their 10 minutes. */
  idsForgotten(): void;
  /** Something that is no wake-up of ours came over a mailbox channel, and was ignored. */
  unexpectedMessage(): void;
}

/** For callers that do not look. */
export const SILENT: EngineObserver = {
  log() {},
  answered() {},
  failed() {},
  probed() {},
  probeLost() {},
  subscriptions() {},
  waiting() {},
  wakeUpLost() {},
  idsForgotten() {},
  unexpectedMessage() {},
};
