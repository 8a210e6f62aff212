import { ClientError } from '../errors.ts';
import type { Batch, Records } from '../storage/records.ts';
import { EXPIRES_S_MAX, type Timer } from './message-extras.ts';

interface Agreed extends Timer {
  /** Code of the side that has set it. */
  readonly by: string;
}

/**
 * After how many seconds messages of one conversation disappear, on both sides. Either side may set it. Where both do at once,
 * both choose the same: the higher revision, then the one set by the greater code.
 */
export class Disappearing {
  readonly #key: string;
  #agreed: Agreed;

  constructor(peer: string, records: Records) {
    this.#key = `timer:${peer}`;
    this.#agreed = records.get(this.#key) ?? { seconds: 0, revision: 0, by: '' };
  }

  /** 0: never. */
  get seconds(): number {
    return this.#agreed.seconds;
  }

  /** Throws `invalid_argument`. */
  next(seconds: number): Timer {
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > EXPIRES_S_MAX)
      throw new ClientError('invalid_argument', `A timer has 0 (off) to ${EXPIRES_S_MAX} whole seconds.`);
    return { seconds, revision: this.#agreed.revision + 1 };
  }

  /** Whether this changes what is agreed: an older or repeated one does not. */
  set(timer: Timer, by: string, batch: Batch): boolean {
    const { revision, by: before } = this.#agreed;
    if (timer.revision < revision || (timer.revision === revision && by <= before)) return false;
    this.#agreed = { ...timer, by };
    batch.set(this.#key, this.#agreed);
    return true;
  }
}

const UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Such as `2 hours`, in the largest unit that is whole. */
export function durationWords(seconds: number): string {
  const [unit, each] = UNITS.find(([, size]) => seconds % size === 0) ?? ['second', 1];
  const count = seconds / each;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** The body of the message that sets a timer: what clients that know no timers show. */
export function timerWords(seconds: number): string {
  return seconds === 0
    ? 'Messages do not disappear any more.'
    : `Messages disappear ${durationWords(seconds)} after they are read.`;
}
