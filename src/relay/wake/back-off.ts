import { backOffMs } from '../../protocol/back-off.ts';

export interface BackOffTimings {
  /** After the first failure; doubles with each. */
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
}

/** One receiver that may fail: the circuit breaker, with growing pauses. */
export class BackOff {
  readonly #timings: BackOffTimings;
  /** In a row. */
  #failures = 0;
  #untilMs = 0;

  constructor(timings: BackOffTimings) {
    this.#timings = timings;
  }

  /** Whether the last attempt failed. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** How long nothing is to be sent, ms. */
  get pausedMs(): number {
    return Math.max(0, this.#untilMs - performance.now());
  }

  succeeded(): void {
    this.#failures = 0;
    this.#untilMs = 0;
  }

  /** Returns the pause, ms. */
  failed(retryAfterMs: number): number {
    const { pauseMinMs, pauseMaxMs } = this.#timings;
    const span = { firstMs: pauseMinMs, maxMs: pauseMaxMs, jitter: 'half' } as const;
    const pauseMs = Math.max(retryAfterMs, backOffMs(span, this.#failures));
    this.#failures += 1;
    this.#untilMs = performance.now() + pauseMs;
    return pauseMs;
  }
}
