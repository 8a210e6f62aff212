import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../command.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';

const OPTIONS = {
  url: { type: 'string' },
  identity: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** The options of every command that talks as a person. */
export interface Person {
  readonly url: string;
  readonly identityFile: string;
  readonly json: boolean;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<Own extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Own; strict: true; allowPositionals: true }>
>['values'];

/** Reads the options of all these commands, those of one, and what stands behind them. */
export function parsePerson<const Own extends Options>(
  args: readonly string[],
  own: Own,
): { readonly person: Person; readonly values: Values<Own>; readonly positionals: readonly string[] } {
  const options = { ...OPTIONS, ...own };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
    });
    const { url, identity, json } = values as { url?: string; identity?: string; json?: boolean };
    const person: Person = {
      url: url ?? (process.env.RELAY_URL || DEFAULT_URL),
      identityFile: identity ?? (process.env.KEYRELAY_IDENTITY || defaultIdentityFile()),
      json: json ?? false,
    };
    return { person, values: values as Values<Own>, positionals };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(wordsFor(error, Object.keys(options)));
    throw error;
  }
}

/** A number of the command line. */
export function positiveNumber(name: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= max) return value;
  const limit = max === Number.MAX_SAFE_INTEGER ? '' : ` up to ${max}`;
  throw new UsageError(`--${name} is a number above 0${limit}, not "${text}"`);
}

/** node:util's complaints, which explain the parser rather than the mistake, in words for people. */
function wordsFor(error: TypeError & { code?: string }, known: readonly string[]): string {
  const [option = ''] = /-{1,2}[\w-]+/.exec(error.message) ?? [];
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `there is no option ${option}: there are ${known.map((name) => `--${name}`).join(', ')}`;
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return error.message.includes('does not take')
        ? `${option} takes no value`
        : `${option} needs a value behind it`;
    default:
      return error.message;
  }
}

function defaultIdentityFile(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'keyrelay', 'identity');
}
