import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

/**
 * What a log line may tell beside its (constant) message: the whole list. A name that is not here is not
 * written, whatever a caller spreads into a line, so that no payload, signature or `connect` frame can get in.
 * `debug` facts point to people: they are written by `debug` and `trace` alone.
 */
const FACTS = {
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

type FactName = keyof typeof FACTS;
type PersonalName = { [K in FactName]: (typeof FACTS)[K] extends 'debug' ? K : never }[FactName];
type Value<K extends FactName> = K extends 'error' ? unknown : string | number | boolean;

type PersonalFacts = { readonly [K in FactName]?: Value<K> };
export type Facts = Omit<PersonalFacts, PersonalName>;

type Write<F> = (message: string, facts?: F) => void;

export interface Logger {
  /** May be changed while running. */
  level: Config['logLevel'];
  readonly error: Write<Facts>;
  readonly warn: Write<Facts>;
  readonly info: Write<Facts>;
  readonly debug: Write<PersonalFacts>;
  readonly trace: Write<PersonalFacts>;
}

/** Where lines go; the default is standard output, and for people if that is a terminal. */
export interface LogOutput {
  write(line: string): void;
}

export function createLog(config: Pick<Config, 'logLevel' | 'nodeId'>, output?: LogOutput): Logger {
  const destination = output ?? standardOutput();
  const log = pino(
    {
      level: config.logLevel,
      base: { node: config.nodeId },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ severity: label }) },
    },
    destination,
  );
  return {
    get level() {
      return log.level as Config['logLevel'];
    },
    set level(level) {
      log.level = level;
    },
    error: (message, facts) => log.error(select(facts, 'always'), message),
    warn: (message, facts) => log.warn(select(facts, 'always'), message),
    info: (message, facts) => log.info(select(facts, 'always'), message),
    debug: (message, facts) => log.debug(select(facts, 'debug'), message),
    trace: (message, facts) => log.trace(select(facts, 'debug'), message),
  };
}

function standardOutput(): LogOutput {
  // Synchronous: the last lines before an exit are the ones that are needed.
  return process.stdout.isTTY
    ? pretty({ sync: true, ignore: 'pid,hostname,node', levelKey: 'severity', translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 1, sync: true });
}

const TEXT_MAX = 500;

function select(facts: PersonalFacts | undefined, upTo: 'always' | 'debug'): Record<string, unknown> {
  const chosen: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts ?? {})) {
    const allowed = Object.hasOwn(FACTS, name) ? FACTS[name as FactName] : undefined;
    if (allowed === undefined || (allowed === 'debug' && upTo === 'always')) continue;
    chosen[name] = name === 'error' ? describeError(value) : plain(value);
  }
  return chosen;
}

/** Facts are words and numbers; anything else (a frame, say) shows its type and nothing more. */
function plain(value: unknown): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'string' ? value.slice(0, TEXT_MAX) : `(${typeof value})`;
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: plain(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: plain(error.message),
    stack: error.stack
      ?.match(/^ {4}at .*$/gm)
      ?.slice(0, 8)
      .join('\n'),
  };
}
