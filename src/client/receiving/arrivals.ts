import type { ConversationEvents } from '../conversation-events.ts';
import type { Emitter } from '../events.ts';
import type { Content, Place } from '../sending/content.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { Inbox, Received } from './inbox.ts';
import { MessageOrder, type Ordered, type Told } from './message-order.ts';

/** How long messages wait for an earlier one that has been asked for again. */
const HOLD_MS = 30_000;
/** While messages wait, it is asked for again after this time, then after twice that, and so on. */
const ASK_AGAIN_AFTER_MS = 2_000;

export interface ArrivalsOptions {
  readonly peer: string;
  readonly records: Records;
  readonly inbox: Inbox;
  readonly peerOutbox: PeerOutbox;
  readonly events: Emitter<ConversationEvents>;
  /** The newest message of the peer that has opened; null before the first. */
  readonly newest: () => { readonly exchange: string; readonly counter: number } | null;
}

/** What follows once a batch is stored. */
type After = (() => void)[];

/** Hands one peer's messages to the inbox in order, and asks for those that are missing. */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #order: MessageOrder;
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  /** Everything before this number of this count has been asked for. */
  #asked = { stream: '', to: 0 };

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#order = new MessageOrder(options.peer, options.records);
    if (this.#order.isWaiting) this.#hold();
  }

  /** A message with its place. */
  take(received: Received, place: Place, batch: Batch): After {
    return this.#handle(this.#order.take(received, place, batch), batch);
  }

  /** The sender says what was sent, or will not come. */
  told(told: Told, batch: Batch): After {
    return this.#handle(this.#order.told(told, batch), batch);
  }

  /** The sender no longer has these. */
  gone({ stream, numbers }: { stream: string; numbers: readonly number[] }, batch: Batch): After {
    if (stream !== this.#order.stream) return [];
    return this.told({ stream, base: 0, gone: numbers }, batch);
  }

  /** Tells the sender what has arrived. */
  report(batch: Batch): void {
    const newest = this.#options.newest();
    if (this.#order.stream === '' || newest === null) return;
    const content: Content = {
      type: 'arrived',
      stream: this.#order.stream,
      ...this.#order.arrived(),
      ...newest,
    };
    this.#options.peerOutbox.addOnly(content, batch);
  }

  /** Numbers up to this one that have not come. */
  missingTo(number: number): number[] {
    return this.#order.arrived().missing.filter((missing) => missing <= number);
  }

  close(): void {
    clearTimeout(this.#holdTimer);
    clearTimeout(this.#askTimer);
    this.#holdTimer = undefined;
  }

  #handle({ ready, gap }: Ordered, batch: Batch): After {
    const { events, inbox } = this.#options;
    const after: After = [];
    if (gap > 0) after.push(() => events.emit('gap', { missing: gap }));
    for (const { received, late } of ready) {
      after.push(inbox.add(late ? { ...received, late } : received, batch));
    }
    if (ready.length > 0 || !this.#order.isWaiting) this.close();
    if (this.#order.isWaiting && this.#holdTimer === undefined) this.#hold();
    after.push(...this.#askForMissing(batch));
    return after;
  }

  #askForMissing(batch: Batch): After {
    const { next, missing } = this.#order.arrived();
    const { stream } = this.#order;
    const from = stream === this.#asked.stream ? this.#asked.to : 0;
    const newly = missing.filter((number) => number >= from).length;
    if (newly === 0) return [];
    this.#asked = { stream, to: next };
    this.report(batch);
    return [() => this.#options.events.emit('missing', { count: newly })];
  }

  #hold(): void {
    this.#holdTimer = setTimeout(
      () => this.#stage((batch) => this.#handle(this.#order.giveUp(batch), batch)),
      HOLD_MS,
    );
    this.#askAgainIn(ASK_AGAIN_AFTER_MS);
  }

  #askAgainIn(ms: number): void {
    this.#askTimer = setTimeout(() => {
      this.#stage((batch) => {
        this.report(batch);
        return [];
      });
      this.#askAgainIn(ms * 2);
    }, ms);
  }

  #stage(change: (batch: Batch) => After): void {
    let after: After = [];
    const staged = this.#options.peerOutbox.stage((batch) => {
      after = change(batch);
    });
    // A failure to store has been reported.
    staged.then(
      () => {
        for (const effect of after) effect();
      },
      () => {},
    );
  }
}
