import { Inflight, type InflightOptions } from '../limits/inflight-budget.ts';

/**
 * The budget of one tick of the event loop: this much for frames as they come in, and as much again for queued ones;
 * about ten frames each. Long enough to cost nothing, short enough that no client notices.
 */
const TICK_BUDGET_MS = 1;

/** The bounds are those of each `ConnectionQueue`. */
export interface FairSchedulerOptions extends InflightOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Waiting {
  readonly bytes: number;
  readonly handle: () => void;
}

/**
 * Divides a node's time for frames among its connections; unauthenticated ones get what is left. While a tick has
 * budget left, a frame is decoded and verified as it comes. Beyond that it waits behind the other frames of its
 * connection, and the connections take turns, one frame each: a flooding client waits for itself, an occasional sender
 * for at most one frame of each flooding client.
 */
export class FairScheduler {
  readonly options: FairSchedulerOptions;
  /** Connections with queued frames, in the order of service. */
  readonly #queues = new Set<ConnectionQueue>();
  /** Logins, in the order in which they came. At most one for each socket. */
  readonly #newConnections = new Set<() => void>();
  /** Spent in this tick on frames as they came in. */
  #spentMs = 0;
  #armed = false;
  /** Called at the end of each tick; those that return true are done. */
  readonly #ends = new Set<() => boolean>();

  constructor(options: FairSchedulerOptions) {
    this.options = options;
  }

  /** Whether this tick has budget left. */
  get open(): boolean {
    return this.#spentMs < TICK_BUDGET_MS;
  }

  /** Calls `task` at the end of this tick, and of each that follows until it returns true. */
  atEnd(task: () => boolean): void {
    this.#ends.add(task);
    this.#arm();
  }

  /**
   * Runs a short task for an unauthenticated connection: now if this tick has budget left, otherwise after logged-in
   * connections. Each tick runs at least one, however little budget is left.
   */
  run<T>(task: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const handle = () => {
        const startedMs = this.options.now();
        try {
          resolve(task());
        } catch (error) {
          reject(error);
        }
        this.spent(this.options.now() - startedMs);
      };
      if (this.open && this.#newConnections.size === 0) {
        handle();
      } else {
        this.#newConnections.add(handle);
        this.#arm();
      }
    });
  }

  spent(ms: number): void {
    this.#spentMs += ms;
    this.#arm();
  }

  enqueue(queue: ConnectionQueue): void {
    this.#queues.add(queue);
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#tick());
  }

  /** Sockets have been read: serves what is queued, then sockets are read again. */
  #tick(): void {
    const { now } = this.options;
    const untilMs = now() + TICK_BUDGET_MS;
    for (const queue of this.#queues) {
      // To the end of the order of service, or out of it.
      this.#queues.delete(queue);
      queue.serve();
      if (queue.waits) this.#queues.add(queue);
      if (now() >= untilMs) break;
    }
    for (const handle of this.#newConnections) {
      this.#newConnections.delete(handle);
      handle();
      if (now() >= untilMs) break;
    }
    for (const task of this.#ends) if (task()) this.#ends.delete(task);
    this.#spentMs = 0;
    this.#armed = false;
    if (this.#queues.size > 0 || this.#newConnections.size > 0 || this.#ends.size > 0) this.#arm();
  }
}

/** Frames of one connection that wait to be handled, in order. */
export class ConnectionQueue {
  readonly #scheduler: FairScheduler;
  readonly #inflight: Inflight;
  readonly #waiting: Waiting[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(scheduler: FairScheduler) {
    this.#scheduler = scheduler;
    this.#inflight = new Inflight(scheduler.options);
  }

  /** Whether the next frame may be handled at once. */
  get open(): boolean {
    return !this.waits && this.#scheduler.open;
  }

  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** False if too much is waiting already: the frame was not taken, and `handle` is never called. */
  wait(bytes: number, handle: () => void): boolean {
    if (!this.#inflight.take(bytes)) return false;
    this.#waiting.push({ bytes, handle });
    this.#scheduler.enqueue(this);
    return true;
  }

  /** Handles the oldest frame. */
  serve(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#inflight.give(next.bytes);
    next.handle();
    if (!this.waits) this.#isIdle();
  }

  /** Closes after the queued frames are handled; later frames are ignored. */
  end(close: () => void): void {
    const last = () => {
      this.forget();
      close();
    };
    if (!this.waits || !this.wait(0, last)) last();
  }

  /** The relay has closed the socket: drops the frames that it has not handled. The scheduler's next turn drops the queue. */
  forget(): void {
    for (const { bytes } of this.#waiting.splice(0)) this.#inflight.give(bytes);
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
