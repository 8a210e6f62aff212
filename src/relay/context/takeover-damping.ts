/** Nobody displaced for so long, and the user's devices count as peaceful again. Longer than the longest wait. */
const PEACE_MS = 120_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 60_000;
/** Users whose displacements are remembered at once; beyond, the oldest is forgotten. */
const USERS_MAX = 10_000;

interface Bout {
  displacements: number;
  lastMs: number;
  /** Logins of this user wait until then. */
  holdUntilMs: number;
}

export interface TakeoverDampingOptions {
  /** Displacements without a pause that cost nothing; 0 never holds anybody. */
  readonly free: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Two devices with one key whose clients come back by themselves after a 4409 would displace each other for ever.
 * After so many displacements whoever comes back is told to wait, each time twice as long, so that one of them stays
 * connected meanwhile. Per node: what a load balancer spreads over n nodes is noticed n times later.
 */
export class TakeoverDamping {
  readonly #options: TakeoverDampingOptions;
  /** In the order of the last displacement. */
  readonly #bouts = new Map<string, Bout>();

  constructor(options: TakeoverDampingOptions) {
    this.#options = options;
  }

  /** A session of this user was displaced. */
  displaced(code: string): void {
    const { free, now } = this.#options;
    if (free === 0) return;
    const nowMs = now();
    const known = this.#bouts.get(code);
    const bout =
      known !== undefined && nowMs - known.lastMs < PEACE_MS
        ? known
        : { displacements: 0, lastMs: nowMs, holdUntilMs: 0 };
    bout.displacements += 1;
    bout.lastMs = nowMs;
    const excess = bout.displacements - free;
    if (excess > 0) bout.holdUntilMs = nowMs + Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (excess - 1));
    this.#bouts.delete(code);
    this.#bouts.set(code, bout);
    if (this.#bouts.size > USERS_MAX) this.#forgetOldest();
  }

  /** How long a login of this user has to wait, ms. */
  waitMs(code: string): number {
    const bout = this.#bouts.get(code);
    return bout === undefined ? 0 : Math.max(0, bout.holdUntilMs - this.#options.now());
  }

  /** Forgets who has been peaceful for long enough. Called now and then. */
  sweep(): void {
    const nowMs = this.#options.now();
    for (const [code, { lastMs }] of this.#bouts) {
      if (nowMs - lastMs < PEACE_MS) return;
      this.#bouts.delete(code);
    }
  }

  #forgetOldest(): void {
    for (const code of this.#bouts.keys()) {
      this.#bouts.delete(code);
      return;
    }
  }
}
