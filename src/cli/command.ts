import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ConfigError } from '../ops/settings/config-error.ts';

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** What a command that failed with this ends with. */
export function exitCodeOf(error: unknown): number {
  return error instanceof ConfigError || error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** What each command's file exports. Resolves with the exit code. */
export type Run = (args: readonly string[]) => Promise<number>;

/** A wrong command line: exit code 2. */
export class UsageError extends Error {
  readonly code = 'usage';
}

/** `parseArgs` of node:util, with its errors as `UsageError`. */
export function parse<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
): ReturnType<
  typeof parseArgs<{ args: string[]; options: O; strict: true; allowPositionals: false }>
>['values'] {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
