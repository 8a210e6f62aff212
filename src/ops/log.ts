import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import type { FactsOf, LogEventName } from './log-events.ts';
import { LOG_FIELDS, type LogFieldName, type LogFields, type PersonalLogFields } from './log-facts.ts';
import { LogLines } from './log-lines.ts';

/** Events that are not declared, or with other facts than declared for them, do not compile. */
type Write<F> = <E extends LogEventName>(event: E, facts?: Pick<F, FactsOf<E> & keyof F>) => void;

export interface Logger {
  /** May be changed while running. */
  level: Config['logLevel'];
  readonly error: Write<LogFields>;
  readonly warn: Write<LogFields>;
  readonly info: Write<LogFields>;
  readonly debug: Write<PersonalLogFields>;
  readonly trace: Write<PersonalLogFields>;
}

/** Where lines go; the default is standard output, and for people if that is a terminal. */
export interface LogOutput {
  write(line: string): void;
}

export function createLog(config: Pick<Config, 'logLevel' | 'nodeId'>, output?: LogOutput): Logger {
  const destination = output ?? standardOutput((count) => log.warn('lines of this log were lost', { count }));
  const lines = pino(
    {
      level: config.logLevel,
      base: { node: config.nodeId },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ severity: label }) },
    },
    destination,
  );
  const log: Logger = {
    get level() {
      return lines.level as Config['logLevel'];
    },
    set level(level) {
      lines.level = level;
    },
    error: (event, facts) => lines.error(select(facts, 'always'), event),
    warn: (event, facts) => lines.warn(select(facts, 'always'), event),
    info: (event, facts) => lines.info(select(facts, 'always'), event),
    debug: (event, facts) => lines.debug(select(facts, 'debug'), event),
    trace: (event, facts) => lines.trace(select(facts, 'debug'), event),
  };
  return log;
}

function standardOutput(onLost: (count: number) => void): LogOutput {
  // A person's terminal is written to at once. (To ask makes a pipe non-blocking, which `LogLines` relies on.)
  if (process.stdout.isTTY)
    return pretty({
      sync: true,
      ignore: 'pid,hostname,node',
      levelKey: 'severity',
      translateTime: 'SYS:HH:MM:ss',
    });
  const lines = new LogLines({ onLost });
  process.once('exit', () => lines.end());
  return lines;
}

const TEXT_MAX = 500;

function select(facts: PersonalLogFields | undefined, upTo: 'always' | 'debug'): Record<string, unknown> {
  const chosen: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts ?? {})) {
    const allowed = Object.hasOwn(LOG_FIELDS, name) ? LOG_FIELDS[name as LogFieldName] : undefined;
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
