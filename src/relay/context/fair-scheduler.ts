import { Inflight, type InflightOptions } from './inflight-budget.ts';

/**
 * How long frames are decoded and verified in one turn of the event loop as they come in, and once more for those that
 * wait: about ten each. Long enough to cost nothing, short enough that nobody notices.
 */
const TURN_MS = 1;

/** The bounds are those of each lane. */
export interface FairSchedulerOptions extends InflightOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Waiting {
  readonly bytes: number;
  readonly handle: () => void;
}

/**
 * Divides the time for frames among sockets, and leaves to newcomers what they do not need. As long as a turn of the
 * event loop has time left, a frame is decoded and verified as it comes. Beyond that it waits behind the others of its
 * socket, and the sockets are served in turn, a frame each: who floods waits for himself, who sends now and then waits
 * for one frame of each flooder at most.
 */
export class FairScheduler {
  readonly options: FairSchedulerOptions;
  /** In the order of service. */
  readonly #lanes = new Set<ConnectionQueue>();
  /** Upgrades and logins, in the order in which they came. At most one for each socket. */
  readonly #newcomers = new Set<() => void>();
  /** Spent in this turn, as frames came in. */
  #spentMs = 0;
  #armed = false;

  constructor(options: FairSchedulerOptions) {
    this.options = options;
  }

  /** Whether this turn of the event loop has time left. */
  get open(): boolean {
    return this.#spentMs < TURN_MS;
  }

  /**
   * For who is not in yet: does something short now if this turn has time left, otherwise after those who are in. One is
   * served in each turn, however little time is left.
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const handle = () => {
        const startedMs = this.options.now();
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
        this.spent(this.options.now() - startedMs);
      };
      if (this.open && this.#newcomers.size === 0) {
        handle();
      } else {
        this.#newcomers.add(handle);
        this.#arm();
      }
    });
  }

  spent(ms: number): void {
    this.#spentMs += ms;
    this.#arm();
  }

  enqueue(lane: ConnectionQueue): void {
    this.#lanes.add(lane);
    this.#arm();
  }

  dequeue(lane: ConnectionQueue): void {
    this.#lanes.delete(lane);
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#turn());
  }

  /** Sockets have been read; those who wait are served, and then sockets are read again. */
  #turn(): void {
    const { now } = this.options;
    const untilMs = now() + TURN_MS;
    for (const lane of this.#lanes) {
      // To the end of the line, or out of it.
      this.#lanes.delete(lane);
      lane.serve();
      if (lane.waits) this.#lanes.add(lane);
      if (now() >= untilMs) break;
    }
    for (const handle of this.#newcomers) {
      this.#newcomers.delete(handle);
      handle();
      if (now() >= untilMs) break;
    }
    this.#spentMs = 0;
    this.#armed = false;
    if (this.#lanes.size > 0 || this.#newcomers.size > 0) this.#arm();
  }
}

/** What waits of one socket to be looked at, in order. */
export class ConnectionQueue {
  readonly #turns: FairScheduler;
  readonly #inflight: Inflight;
  readonly #waiting: Waiting[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(turns: FairScheduler) {
    this.#turns = turns;
    this.#inflight = new Inflight(turns.options);
  }

  /** Whether the next frame may be handled at once. */
  get open(): boolean {
    return !this.waits && this.#turns.open;
  }

  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** False if too much is waiting already: the frame was not taken, and `handle` is never called. */
  wait(bytes: number, handle: () => void): boolean {
    if (!this.#inflight.take(bytes)) return false;
    this.#waiting.push({ bytes, handle });
    this.#turns.enqueue(this);
    return true;
  }

  /** Handles the oldest. */
  serve(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#inflight.give(next.bytes);
    next.handle();
    if (!this.waits) this.#isIdle();
  }

  /** What ends the socket comes behind what waits; nothing that comes later is looked at. */
  end(close: () => void): void {
    const last = () => {
      this.forget();
      close();
    };
    if (!this.waits || !this.wait(0, last)) last();
  }

  /** The relay has closed the socket: what it has not looked at, it need not. */
  forget(): void {
    for (const { bytes } of this.#waiting.splice(0)) this.#inflight.give(bytes);
    this.#turns.dequeue(this);
    this.#isIdle();
  }

  /** Resolves once nothing waits. */
  idle(): Promise<void> {
    if (!this.waits) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #isIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
