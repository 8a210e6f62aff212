/**
 * What a log line may tell beside its (constant) message: the whole list. A name that is not here is not
 * written, whatever a caller spreads into a line, so that no payload, signature or `connect` frame can get in.
 * `debug` facts point to people: they are written by `debug` and `trace` alone.
 */
export const LOG_FIELDS = {
  /** Number of a connection on this node. */
  session: 'always',
  protocol: 'always',
  /** WebSocket close code, and why. */
  close: 'always',
  reason: 'always',
  outcome: 'always',
  verb: 'always',
  shard: 'always',
  state: 'always',
  host: 'always',
  port: 'always',
  adminPort: 'always',
  url: 'always',
  nodeId: 'always',
  engine: 'always',
  library: 'always',
  version: 'always',
  signal: 'always',
  setting: 'always',
  level: 'always',
  count: 'always',
  bytes: 'always',
  remaining: 'always',
  attempt: 'always',
  durationMs: 'always',
  delayMs: 'always',
  /** Only its kind, code, message and stack: errors of Redis clients carry the command, and so the frame. */
  error: 'always',
  user: 'debug',
  peer: 'debug',
  address: 'debug',
} as const satisfies Record<string, 'always' | 'debug'>;

export type LogFieldName = keyof typeof LOG_FIELDS;
type PersonalName = { [K in LogFieldName]: (typeof LOG_FIELDS)[K] extends 'debug' ? K : never }[LogFieldName];
type Value<K extends LogFieldName> = K extends 'error' ? unknown : string | number | boolean;

export type PersonalLogFields = { readonly [K in LogFieldName]?: Value<K> };
export type LogFields = Omit<PersonalLogFields, PersonalName>;
