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
