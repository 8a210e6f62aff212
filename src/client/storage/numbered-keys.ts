import type { Records } from './records.ts';

/** Decimal digits of a number in a record's key: the order of keys is the order of numbers. */
const DIGITS = 12;

/** The key of record `number` among those that begin with `prefix`. */
export function numberedKey(prefix: string, number: number): string {
  return prefix + String(number).padStart(DIGITS, '0');
}

/** Records under one prefix, numbered in the order in which they were added. */
export class NumberedKeys<Value> {
  readonly #prefix: string;
  /** Oldest first. */
  readonly stored: ReadonlyArray<readonly [key: string, value: Value]>;
  #next: number;

  constructor(prefix: string, records: Records) {
    this.#prefix = prefix;
    this.stored = records.list<Value>(prefix);
    this.#next = Number(this.stored.at(-1)?.[0].slice(prefix.length) ?? -1) + 1;
  }

  /** The key for one more, behind all others. */
  next(): string {
    return numberedKey(this.#prefix, this.#next++);
  }
}
