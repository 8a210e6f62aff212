import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/**
 * How late the event loop runs: the 90th percentile of the last second, so that one long tick does not count and a
 * second of overload does.
 */
export class LoopLag {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #lagMs = 0;

  start(): void {
    this.#delay.enable();
  }

  stop(): void {
    this.#delay.disable();
  }

  /** Called about once a second. */
  tick(): void {
    this.#lagMs = Math.max(0, this.#delay.percentile(90) / NS_PER_MS - RESOLUTION_MS);
    this.#delay.reset();
  }

  get ms(): number {
    return this.#lagMs;
  }
}
