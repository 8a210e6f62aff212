/** New accounts that one node makes in a minute before registrations cost more: one address may make 60. */
const PER_MINUTE = 60;
/** 64 times as much work: what people wait for must stay bearable while a flood lasts. */
const MORE_BITS_MAX = 6;
const MINUTE_MS = 60_000;

export interface WorkLevelOptions {
  /** RELAY_REGISTRATION_WORK_BITS; it can change. */
  readonly bits: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * How much work a new account costs at this node: one bit more, so twice as much, for each doubling of new accounts above
 * 60 in the last minute. Nodes do not tell each other.
 */
export class WorkLevel {
  readonly #options: WorkLevelOptions;
  /** About how many accounts were made in the last minute: each counts less and less. */
  #recent = 0;
  #countedAtMs = 0;

  constructor(options: WorkLevelOptions) {
    this.#options = options;
  }

  /** 0: none. */
  get bits(): number {
    const bits = this.#options.bits();
    if (bits === 0) return 0;
    const doublings = Math.ceil(Math.log2(Math.max(1, this.#recentNow() / PER_MINUTE)));
    return bits + Math.min(doublings, MORE_BITS_MAX);
  }

  /** An account was made. */
  count(): void {
    this.#recent = this.#recentNow() + 1;
    this.#countedAtMs = this.#options.now();
  }

  #recentNow(): number {
    return this.#recent * Math.exp((this.#countedAtMs - this.#options.now()) / MINUTE_MS);
  }
}
