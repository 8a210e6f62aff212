import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../settings/config.ts';
import type { FieldsOf, LogEventName } from './log-events.ts';
import { LOG_FIELDS, type LogFieldName, type LogFields, type PersonalLogFields } from './log-fields.ts';
import { LogLines } from './log-lines.ts';

/** Undeclared events, and fields that are not declared for an event, do not compile. */
type Write<F> = <E extends LogEventName>(event: E, fields?: Pick<F, FieldsOf<E> & keyof F>) => void;

export interface Logger {
  /** May change at run time. */
  level: Config['logLevel'];
  readonly error: Write<LogFields>;
  readonly warn: Write<LogFields>;
  readonly info: Write<LogFields>;
  readonly debug: Write<PersonalLogFields>;
}

/** Where lines go. The default is standard output, in colour for people if that is a terminal. */
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
    error: (event, fields) => lines.error(select(fields, 'always'), event),
    warn: (event, fields) => lines.warn(select(fields, 'always'), event),
    info: (event, fields) => lines.info(select(fields, 'always'), event),
    debug: (event, fields) => lines.debug(select(fields, 'debug'), event),
  };
  return log;
}

function standardOutput(onLost: (count: number) => void): LogOutput {
  // (Reading `process.stdout` makes a pipe non-blocking, which `LogLines` relies on.)
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

function select(fields: PersonalLogFields | undefined, upTo: 'always' | 'debug'): Record<string, unknown> {
  const chosen: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    const allowed = Object.hasOwn(LOG_FIELDS, name) ? LOG_FIELDS[name as LogFieldName] : undefined;
    if (allowed === undefined || (allowed === 'debug' && upTo === 'always')) continue;
    chosen[name] = name === 'error' ? describeError(value) : plain(value);
  }
  return chosen;
}

/** Fields are words and numbers. Of anything else (a frame, say) only the type is written. */
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
