import { ClientError } from '../../client/index.ts';

/** A time without progress after which a command gives up. */
export class TimeLimit {
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Runs from `restart` on. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const words = `Nothing has moved for ${this.#ms / 1000} s: not done in time. The same command tries again.`;
      this.end(new ClientError('aborted', words));
    }, this.#ms);
  }

  /** A person is asked, or somebody else is waited for: no hurry. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  end(error: Error): void {
    this.#controller.abort(error);
  }

  /** The work, unless the time is over first. */
  async race<Result>(work: Promise<Result>): Promise<Result> {
    const { signal } = this;
    let onAbort = () => {};
    const ended = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([work, ended]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
