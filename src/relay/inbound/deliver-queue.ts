import type { DeliverOutcome, Engine, Envelope } from '../../engine/engine.ts';
import { Inflight, type InflightOptions } from '../context/inflight-budget.ts';

/** Bounds of one deliver call, so that no script runs long. */
const BATCH_ENVELOPES_MAX = 64;
const BATCH_BYTES_MAX = 256 * 1024;
/**
 * The order fence in the store lives for 120 s. A node refuses by itself what it has held for longer than this, say
 * because it was stopped: the fence may be gone by the time that the store sees the batch.
 */
const HELD_MAX_MS = 60_000;

export interface DeliverItem {
  readonly envelope: Envelope;
  /** Called once with the outcome. `unavailable`: not known to be stored. */
  readonly done: (outcome: DeliverOutcome | 'unavailable') => void;
}

interface Held extends DeliverItem {
  readonly heldSinceMs: number;
}

/** One sending session to one recipient: its waiting envelopes, and whether a batch is in flight. */
interface Pair {
  readonly queue: Held[];
  inFlight: boolean;
}

export interface DeliverQueueOptions extends InflightOptions {
  readonly engine: Pick<Engine, 'deliver'>;
  readonly sender: string;
  readonly epoch: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The answers of one batch leave in one system call. */
  readonly cork: (answers: () => void) => void;
}

/**
 * Keeps one sender's order: at most one batch is in flight to each recipient, and what arrives meanwhile forms
 * the next. If a batch fails, what is queued behind it for that recipient fails too: storing a later envelope while
 * an earlier one is in doubt would invert the order.
 */
export class DeliverQueue {
  readonly #options: DeliverQueueOptions;
  /** Null until the first envelope: most clients only listen, and an empty Map is 190 bytes. */
  #pairs: Map<string, Pair> | null = null;
  /** One count for all recipients: a fence only needs it to grow. */
  #batches = 0;
  readonly #inflight: Inflight;
  #idleWaiters: (() => void)[] = [];

  constructor(options: DeliverQueueOptions) {
    this.#options = options;
    this.#inflight = new Inflight(options);
  }

  /** False if too much is on its way already: the envelope was not taken, and `done` is never called. */
  put(recipient: string, item: DeliverItem): boolean {
    if (!this.#inflight.take(item.envelope.frame.length)) return false;
    this.#pairs ??= new Map();
    let pair = this.#pairs.get(recipient);
    if (pair === undefined) {
      pair = { queue: [], inFlight: false };
      this.#pairs.set(recipient, pair);
    }
    pair.queue.push({ ...item, heldSinceMs: this.#options.now() });
    if (!pair.inFlight) this.#sendNext(recipient, pair);
    return true;
  }

  /** Resolves once nothing is queued or in flight. */
  idle(): Promise<void> {
    if (this.#pairs === null || this.#pairs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #sendNext(recipient: string, pair: Pair): void {
    const oldest = pair.queue[0];
    if (oldest === undefined) {
      this.#pairs?.delete(recipient);
      if (this.#pairs?.size === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
      return;
    }
    if (this.#options.now() - oldest.heldSinceMs > HELD_MAX_MS) {
      this.#failAll(recipient, pair);
      return;
    }
    const batch = takeBatch(pair.queue);
    pair.inFlight = true;
    this.#batches += 1;
    const { engine, sender, epoch } = this.#options;
    const envelopes = batch.map((item) => item.envelope);
    engine.deliver({ sender, recipient, epoch, number: this.#batches, envelopes }).then(
      (outcomes) => {
        pair.inFlight = false;
        this.#options.cork(() => {
          for (const [i, item] of batch.entries()) this.#settle(item, outcomes[i] ?? 'unavailable');
        });
        this.#sendNext(recipient, pair);
      },
      () => {
        pair.inFlight = false;
        for (const item of batch) this.#settle(item, 'unavailable');
        this.#failAll(recipient, pair);
      },
    );
  }

  #failAll(recipient: string, pair: Pair): void {
    for (const item of pair.queue.splice(0)) this.#settle(item, 'unavailable');
    this.#sendNext(recipient, pair);
  }

  #settle(item: Held, outcome: DeliverOutcome | 'unavailable'): void {
    this.#inflight.give(item.envelope.frame.length);
    item.done(outcome);
  }
}

/** The oldest items, up to the bounds; at least one. */
function takeBatch(queue: Held[]): Held[] {
  let bytes = 0;
  let count = 0;
  for (const item of queue) {
    bytes += item.envelope.frame.length;
    if (count > 0 && (count === BATCH_ENVELOPES_MAX || bytes > BATCH_BYTES_MAX)) break;
    count += 1;
  }
  return queue.splice(0, count);
}
