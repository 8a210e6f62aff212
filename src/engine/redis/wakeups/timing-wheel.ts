const TICK_MS = 250;
const TICKS = 200;

/** A scheduled alarm. Set `cancelled` to cancel it. */
export interface Alarm<T> {
  readonly item: T;
  /** Full turns of the wheel until it is due. */
  rounds: number;
  cancelled: boolean;
}

/**
 * Alarms for very many items with a precision of 250 ms: one timer in all, and a few words per alarm. (A timer object
 * per mailbox would cost more memory than the rest of an idle session.)
 */
export class TimingWheel<T> {
  readonly #onDue: (item: T) => void;
  readonly #buckets: Alarm<T>[][] = Array.from({ length: TICKS }, () => []);
  readonly #timer: NodeJS.Timeout;
  #now = 0;

  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  schedule(item: T, delayMs: number): Alarm<T> {
    const ticks = Math.max(1, Math.round(delayMs / TICK_MS));
    const alarm = { item, rounds: Math.floor((ticks - 1) / TICKS), cancelled: false };
    this.#buckets[(this.#now + ticks) % TICKS]?.push(alarm);
    return alarm;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const bucket of this.#buckets) bucket.length = 0;
  }

  #tick(): void {
    this.#now = (this.#now + 1) % TICKS;
    const due = this.#buckets[this.#now] ?? [];
    this.#buckets[this.#now] = [];
    for (const alarm of due) {
      if (alarm.cancelled) continue;
      if (alarm.rounds > 0) {
        alarm.rounds -= 1;
        this.#buckets[this.#now]?.push(alarm);
      } else {
        this.#onDue(alarm.item);
      }
    }
  }
}
