import { ClientError } from '../../client/errors.ts';
import { unlessFired } from '../unless-fired.ts';

/** A time without progress after which a command gives up: then its signal fires. */
export class TimeLimit extends AbortController {
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Runs from `restart` on. */
  constructor(ms: number) {
    super();
    this.#ms = ms;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const words = `Nothing has moved for ${this.#ms / 1000} s: not done in time. The same command tries again.`;
      this.abort(new ClientError('aborted', words));
    }, this.#ms);
  }

  /** The command waits for a person or for the other side: no hurry. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** The result of `work`, unless the time is over first. */
  unlessOver<Result>(work: Promise<Result>): Promise<Result> {
    return unlessFired(work, this.signal);
  }
}
