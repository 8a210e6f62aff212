/** What is due within this time leaves in one wake-up of this process, and in one write to Redis. */
const TICK_MS = 10;

/** A part of a session that has something to send, soon. */
export interface Batched {
  /** The time has come. */
  due(): void;
}

/**
 * Lets what many sessions have to send leave together: their receipts to the store, and the pings that ask for
 * receipts. One sent alone wakes this process and its receiver. On a quiet node nothing waits.
 */
export class Batcher {
  readonly #now: () => number;
  /** Which tick each waits for. A tick is a multiple of `TICK_MS`. */
  readonly #tickOf = new Map<Batched, number>();
  readonly #ticks = new Map<number, Set<Batched>>();
  #timer: NodeJS.Timeout | null = null;
  /** When `#timer` fires. */
  #timerMs = Number.POSITIVE_INFINITY;
  #flushedMs = Number.NEGATIVE_INFINITY;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Calls `batched.due` once: not before `earliestMs`, and at most `TICK_MS` later. One that waits already keeps its
   * time.
   * @param earliestMs monotonic; in the past: now, unless others were called less than `TICK_MS` ago
   */
  join(batched: Batched, earliestMs: number): void {
    if (this.#tickOf.has(batched)) return;
    const nowMs = this.#now();
    const dueMs = Math.max(earliestMs, this.#flushedMs + TICK_MS);
    if (dueMs <= nowMs) {
      this.#flushedMs = nowMs;
      batched.due();
      return;
    }
    const tick = Math.ceil(dueMs / TICK_MS);
    const others = this.#ticks.get(tick);
    if (others === undefined) this.#ticks.set(tick, new Set([batched]));
    else others.add(batched);
    this.#tickOf.set(batched, tick);
    this.#wakeAt(tick * TICK_MS, nowMs);
  }

  /** Its `due` is not called any more. */
  leave(batched: Batched): void {
    const tick = this.#tickOf.get(batched);
    if (tick === undefined) return;
    this.#tickOf.delete(batched);
    this.#ticks.get(tick)?.delete(batched);
  }

  #wakeAt(atMs: number, nowMs: number): void {
    if (this.#timerMs <= atMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerMs = atMs;
    this.#timer = setTimeout(() => this.#flush(), atMs - nowMs);
  }

  #flush(): void {
    const nowMs = this.#now();
    this.#timer = null;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#flushedMs = nowMs;
    let nextTick = Number.POSITIVE_INFINITY;
    const due: Batched[] = [];
    for (const [tick, waiting] of this.#ticks) {
      if (tick * TICK_MS > nowMs) {
        nextTick = Math.min(nextTick, tick);
        continue;
      }
      this.#ticks.delete(tick);
      due.push(...waiting);
    }
    if (nextTick < Number.POSITIVE_INFINITY) this.#wakeAt(nextTick * TICK_MS, nowMs);
    for (const batched of due) this.#tickOf.delete(batched);
    for (const batched of due) batched.due();
  }
}
