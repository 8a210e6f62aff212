import { EngineUnavailable } from '../../engine.ts';

/** A word of a command. Text is sent as UTF-8. */
export type Argument = string | Buffer;

/** What Redis answers: strings of every kind come as bytes. */
export type Reply = number | null | Buffer | readonly Reply[];

/** An error that Redis answered. `kind` is its first word: `MOVED`, `OOM`, `NOSCRIPT` … */
export class RedisError extends Error {
  readonly kind: string;

  constructor(line: string) {
    super(line);
    this.kind = line.split(' ', 1)[0] ?? '';
  }
}

/** A string or a number, as UTF-8 text; null for nil, and for a reply that is missing. */
export function textOf(reply: Reply | undefined): string | null {
  return reply === null || reply === undefined ? null : String(reply);
}

/** The elements of an array. @throws EngineUnavailable for any other reply */
export function listOf(reply: Reply): readonly Reply[] {
  if (!Array.isArray(reply)) throw new EngineUnavailable(`Redis answered ${typeof reply} instead of a list`);
  return reply;
}
