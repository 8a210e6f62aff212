/**
 * All fields that a log line may have beside its (constant) message. Other names are dropped, whatever a caller spreads
 * into a line, so that no payload, signature or `connect` frame can get in. `debug` fields point to people: only lines
 * of level `debug` have them.
 */
export const LOG_FIELDS = {
  /** The number of a connection on this node. */
  session: 'always',
  protocol: 'always',
  /** WebSocket close code, and why. */
  close: 'always',
  reason: 'always',
  verb: 'always',
  operator: 'always',
  shard: 'always',
  host: 'always',
  port: 'always',
  adminPort: 'always',
  engine: 'always',
  library: 'always',
  verifier: 'always',
  version: 'always',
  signal: 'always',
  count: 'always',
  durationMs: 'always',
  delayMs: 'always',
  /** Only its type, code, message and stack: errors of Redis clients contain the command, and so the frame. */
  error: 'always',
  user: 'debug',
  address: 'debug',
} as const satisfies Record<string, 'always' | 'debug'>;

export type LogFieldName = keyof typeof LOG_FIELDS;
type PersonalName = { [K in LogFieldName]: (typeof LOG_FIELDS)[K] extends 'debug' ? K : never }[LogFieldName];
type Value<K extends LogFieldName> = K extends 'error' ? unknown : string | number | boolean;

export type PersonalLogFields = { readonly [K in LogFieldName]?: Value<K> };
export type LogFields = Omit<PersonalLogFields, PersonalName>;
