import { HOLD_MS } from '../../engine/bounds.ts';
import type { DeliverOutcome, Engine, Envelope } from '../../engine/engine.ts';
import type { ConnectionQueue, FairScheduler } from '../context/fair-scheduler.ts';
import { Inflight, type InflightOptions } from '../limits/inflight-budget.ts';

/** Bounds of one deliver call, so that no script runs long. */
const BATCH_ENVELOPES_MAX = 64;
const BATCH_BYTES_MAX = 256 * 1024;
/** So many envelopes of a burst wait for those behind them, at most. */
const BURST_ENVELOPES_MAX = 16;
/** After this long in the queue an envelope is refused: its sender has given up waiting, and sends it again. */
const QUEUED_MAX_MS = 60_000;

export interface DeliverItem {
  readonly envelope: Envelope;
  /** Called once with the outcome. `unavailable`: not known to be stored. */
  readonly done: (outcome: DeliverOutcome | 'unavailable') => void;
}

interface Queued extends DeliverItem {
  readonly queuedAtMs: number;
}

/** Whether the sender's session still holds: a newer one may have sent meanwhile, from another node. */
export interface Hold {
  /** Monotonic milliseconds: when the store was last asked and said that the session holds. */
  readonly heldAtMs: number;
  /** Asks the store. True if the session holds; false if it does not, and then the socket closes. Rejects if it is away. */
  verify(): Promise<boolean>;
}

/** One sending session to one recipient: its waiting envelopes, and whether a batch is in flight. */
interface Pair {
  readonly queue: Queued[];
  inFlight: boolean;
  /** Its next batch waits for the end of a burst. */
  gathers: boolean;
  /** The last batch was late. A second time in a row it is refused, so that nothing goes round for ever. */
  wasLate: boolean;
}

export interface DeliverQueueOptions extends InflightOptions {
  readonly engine: Pick<Engine, 'deliver'>;
  readonly sender: string;
  readonly epoch: number;
  readonly hold: Hold;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The answers of one batch leave in one system call. */
  readonly cork: (answers: () => void) => void;
  readonly scheduler: Pick<FairScheduler, 'atEnd'>;
  /** Frames of this connection that are not verified yet. */
  readonly frames: Pick<ConnectionQueue, 'waits'>;
}

/**
 * Keeps one sender's order: at most one batch is in flight to each recipient, and what arrives meanwhile forms
 * the next. If a batch fails, what is queued behind it for that recipient fails too: storing a later envelope while
 * an earlier one is in doubt would invert the order.
 *
 * The order fence in the store keeps an older session out, but only for 120 s. So nothing is delivered while it is
 * more than 60 s ago that the store said that this session holds: after this node was stopped, its machine suspended or
 * its store away, frames may lie in a socket that are older than what the same user has sent elsewhere.
 *
 * A batch costs the store little more than one envelope. So once several envelopes have left together, the next one waits
 * for the end of its tick of the event loop, and for frames of its client that wait for their turn: they may be for the
 * same recipient. The envelope of a client that sends one at a time leaves at once.
 */
export class DeliverQueue {
  readonly #options: DeliverQueueOptions;
  /** Null until the first envelope: most clients only listen, and an empty Map is 190 bytes. */
  #pairs: Map<string, Pair> | null = null;
  /** One count for all recipients: a fence only needs it to grow. */
  #batches = 0;
  /** The last batch was of several envelopes. */
  #inBursts = false;
  /** Pairs that gather, with their recipients. Empty unless the scheduler is going to call `#sendGathered`. */
  #gathering: (readonly [recipient: string, pair: Pair])[] = [];
  /** Envelopes of these. */
  #gathered = 0;
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
      pair = { queue: [], inFlight: false, gathers: false, wasLate: false };
      this.#pairs.set(recipient, pair);
    }
    const { envelope, done } = item;
    pair.queue.push({ envelope, done, queuedAtMs: this.#options.now() });
    if (!pair.inFlight && !pair.gathers) {
      if (this.#inBursts || this.#options.frames.waits) this.#gather(recipient, pair);
      else this.#sendNext(recipient, pair);
    }
    if (pair.gathers) this.#gathered += 1;
    return true;
  }

  /** Resolves once nothing is queued or in flight. */
  idle(): Promise<void> {
    if (this.#pairs === null || this.#pairs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #gather(recipient: string, pair: Pair): void {
    pair.gathers = true;
    if (this.#gathering.length === 0) this.#options.scheduler.atEnd(() => this.#sendGathered());
    this.#gathering.push([recipient, pair]);
  }

  /** False while more of the burst is to come. */
  #sendGathered(): boolean {
    if (this.#options.frames.waits && this.#gathered < BURST_ENVELOPES_MAX) return false;
    this.#gathered = 0;
    for (const [recipient, pair] of this.#gathering.splice(0)) {
      pair.gathers = false;
      this.#sendNext(recipient, pair);
    }
    return true;
  }

  #sendNext(recipient: string, pair: Pair): void {
    const oldest = pair.queue[0];
    if (oldest === undefined) {
      this.#pairs?.delete(recipient);
      if (this.#pairs?.size === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
      return;
    }
    if (this.#options.now() - oldest.queuedAtMs > QUEUED_MAX_MS) {
      this.#failAll(recipient, pair, 'unavailable');
      return;
    }
    const { hold, now } = this.#options;
    if (now() - hold.heldAtMs > HOLD_MS) this.#verify(recipient, pair);
    else this.#deliver(recipient, pair);
  }

  #verify(recipient: string, pair: Pair): void {
    pair.inFlight = true;
    this.#options.hold.verify().then(
      (held) => {
        pair.inFlight = false;
        if (held) this.#sendNext(recipient, pair);
        else this.#failAll(recipient, pair, 'stale');
      },
      () => {
        pair.inFlight = false;
        this.#failAll(recipient, pair, 'unavailable');
      },
    );
  }

  #deliver(recipient: string, pair: Pair): void {
    const batch = takeBatch(pair.queue);
    this.#inBursts = batch.length > 1;
    pair.inFlight = true;
    this.#batches += 1;
    const { engine, sender, epoch, hold, cork } = this.#options;
    const envelopes = batch.map((item) => item.envelope);
    const request = { sender, recipient, epoch, number: this.#batches, heldAtMs: hold.heldAtMs, envelopes };
    engine.deliver(request).then(
      (outcomes) => {
        pair.inFlight = false;
        if (outcomes[0] === 'late') {
          this.#late(recipient, pair, batch);
          return;
        }
        pair.wasLate = false;
        cork(() => {
          for (const [i, item] of batch.entries()) this.#settle(item, outcomes[i] ?? 'unavailable');
        });
        this.#sendNext(recipient, pair);
      },
      () => {
        pair.inFlight = false;
        for (const item of batch) this.#settle(item, 'unavailable');
        this.#failAll(recipient, pair, 'unavailable');
      },
    );
  }

  /** By the clock of the store it was too long ago. Once more only if the session holds even now. */
  #late(recipient: string, pair: Pair, batch: readonly Queued[]): void {
    pair.queue.unshift(...batch);
    if (pair.wasLate) {
      pair.wasLate = false;
      this.#failAll(recipient, pair, 'unavailable');
    } else {
      pair.wasLate = true;
      this.#verify(recipient, pair);
    }
  }

  #failAll(recipient: string, pair: Pair, outcome: 'unavailable' | 'stale'): void {
    for (const item of pair.queue.splice(0)) this.#settle(item, outcome);
    this.#sendNext(recipient, pair);
  }

  #settle(item: Queued, outcome: DeliverOutcome | 'unavailable'): void {
    this.#inflight.give(item.envelope.frame.length);
    item.done(outcome);
  }
}

/** The oldest items, up to the bounds; at least one. */
function takeBatch(queue: Queued[]): Queued[] {
  let bytes = 0;
  let count = 0;
  for (const item of queue) {
    bytes += item.envelope.frame.length;
    if (count > 0 && (count === BATCH_ENVELOPES_MAX || bytes > BATCH_BYTES_MAX)) break;
    count += 1;
  }
  return queue.splice(0, count);
}
