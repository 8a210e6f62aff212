/** How an iteration ended. */
export type Ended = 'complete' | 'interrupted';

interface Iteration {
  /** How to cancel what keeps it open: timers, sockets, requests. */
  readonly pending: Set<() => void>;
  readonly end: (how: Ended) => void;
  returned: boolean;
  over: boolean;
}

/**
 * A virtual user and its event loop: an iteration is over when its function has returned, its promise is settled, and
 * no timer, socket or request of it is left.
 */
export class Vu {
  /** From 1. */
  readonly id: number;
  iterationInInstance = -1;
  iterationInScenario = -1;
  readonly #onError: (error: unknown) => void;
  #iteration: Iteration | null = null;

  constructor(id: number, onError: (error: unknown) => void) {
    this.id = id;
    this.#onError = onError;
  }

  get busy(): boolean {
    return this.#iteration !== null;
  }

  iterate(run: () => unknown): Promise<Ended> {
    if (this.#iteration !== null) throw new Error(`VU ${this.id} runs an iteration already`);
    return new Promise((resolve) => {
      const iteration: Iteration = {
        pending: new Set(),
        returned: false,
        over: false,
        end: (how) => {
          if (iteration.over) return;
          iteration.over = true;
          this.#iteration = null;
          for (const cancel of [...iteration.pending]) cancel();
          resolve(how);
        },
      };
      this.#iteration = iteration;
      const returned = () => {
        iteration.returned = true;
        if (iteration.pending.size === 0) iteration.end('complete');
      };
      void Promise.resolve()
        .then(run)
        .catch((error: unknown) => {
          if (!iteration.over) this.#onError(error);
        })
        .then(returned);
    });
  }

  /** Ends the iteration now: its timers never fire, its sockets are cut. */
  interrupt(): void {
    this.#iteration?.end('interrupted');
  }

  /**
   * Keeps the iteration open until `release` is called.
   * @param cancel called instead if the iteration is interrupted
   * @returns `call` runs a callback of the script within the iteration, never after its end
   */
  hold(cancel: () => void): { readonly call: (callback: () => void) => void; readonly release: () => void } {
    const iteration = this.#iteration;
    if (iteration === null)
      throw new Error('timers, sockets and requests belong into VU code, not init code');
    iteration.pending.add(cancel);
    return {
      call: (callback) => {
        if (iteration.over) return;
        try {
          callback();
        } catch (error) {
          this.#onError(error);
          iteration.end('interrupted');
        }
      },
      release: () => {
        iteration.pending.delete(cancel);
        if (iteration.returned && iteration.pending.size === 0) iteration.end('complete');
      },
    };
  }
}
