import { BoundedMap } from './bounded-map.ts';

/** After this long without a displacement, a user's takeovers are forgotten. Longer than the longest wait. */
const QUIET_MS = 120_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 60_000;
/** Users remembered at once; beyond, the one displaced longest ago is forgotten. */
const USERS_MAX = 10_000;

interface Takeovers {
  displacements: number;
  lastMs: number;
  /** The user's logins wait until then. */
  holdUntilMs: number;
}

export interface TakeoverDampingOptions {
  /** Displacements in a row that cost nothing; 0 turns the damping off. */
  readonly free: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Two devices with one key, whose clients reconnect by themselves after a 4409, would displace each other for ever.
 * After too many displacements in a row the next login must wait, each time twice as long, so that one device stays
 * connected meanwhile. Each node counts for itself: behind a load balancer with n nodes this acts n times later.
 */
export class TakeoverDamping {
  readonly #options: TakeoverDampingOptions;
  readonly #users = new BoundedMap<string, Takeovers>(USERS_MAX);

  constructor(options: TakeoverDampingOptions) {
    this.#options = options;
  }

  /** A session of this user was displaced. */
  displaced(code: string): void {
    const { free, now } = this.#options;
    if (free === 0) return;
    const nowMs = now();
    const known = this.#users.get(code);
    const takeovers =
      known !== undefined && nowMs - known.lastMs < QUIET_MS
        ? known
        : { displacements: 0, lastMs: nowMs, holdUntilMs: 0 };
    takeovers.displacements += 1;
    takeovers.lastMs = nowMs;
    const excess = takeovers.displacements - free;
    if (excess > 0) takeovers.holdUntilMs = nowMs + Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (excess - 1));
    this.#users.set(code, takeovers);
  }

  /** How long a login of this user must wait, ms. */
  waitMs(code: string): number {
    const takeovers = this.#users.get(code);
    return takeovers === undefined ? 0 : Math.max(0, takeovers.holdUntilMs - this.#options.now());
  }

  /** Forgets users that have been quiet long enough. Called about once a second. */
  sweep(): void {
    const nowMs = this.#options.now();
    this.#users.sweep(({ lastMs }) => nowMs - lastMs >= QUIET_MS);
  }
}
