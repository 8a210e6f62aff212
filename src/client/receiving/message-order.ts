import { LISTED_MAX, type Place } from '../sending/content.ts';
import { numberedKey } from '../storage/numbered-keys.ts';
import type { Batch, Records } from '../storage/records.ts';
import type { Received } from './inbox.ts';

/** How far one peer's messages have been handed over, as it is stored: `incoming:<peer>`. */
interface Progress {
  /** The sender's count that the numbers belong to; empty before the first message. */
  readonly stream: string;
  /** Everything before this number was handed over, is in `missing`, or will not come. */
  readonly next: number;
  /** Numbers before `next` that were not waited for any longer, but may still come: at most `MISSING_MAX`. */
  readonly missing: readonly number[];
  /** The sender has sent everything before this number. */
  readonly known: number;
  /** Counts that the sender has given up: at most `PAST_MAX`. */
  readonly past: readonly string[];
}

const START: Progress = { stream: '', next: 0, missing: [], known: 0, past: [] };
/** Messages that wait here for an earlier one: beyond, it is not waited for. */
const EARLY_MAX = 256;
const MISSING_MAX = 256;
const PAST_MAX = 4;
/** No sender keeps more messages than this to send them again: what lies further back is not waited for. */
const AHEAD_MAX = 5_000;

/** What one message, or one word about them, leads to. */
export interface Ordered {
  /** To be handed to the program, in this order. */
  readonly ready: readonly Handed[];
  /** So many are missing before those. */
  readonly gap: number;
}

export interface Handed {
  readonly received: Received;
  /** Later messages were handed over before it. */
  readonly late: boolean;
}

/** What the sender says of its messages. */
export interface Told {
  readonly stream: string;
  /** Nothing before this number will come. */
  readonly base: number;
  /** Everything before this number was sent. */
  readonly next?: number;
  /** Nor will these. */
  readonly gone?: readonly number[];
}

/**
 * Puts one peer's messages in order, each once. A message that went out under lost keys, expired, or was withheld by the
 * relay is sent again; those behind it wait here until it comes, or is given up.
 */
export class MessageOrder {
  readonly #progressKey: string;
  readonly #earlyPrefix: string;
  /** Messages that came before an earlier one, by number. */
  readonly #early: Map<number, Received>;
  #progress: Progress;

  constructor(peer: string, records: Records) {
    this.#progressKey = `incoming:${peer}`;
    this.#earlyPrefix = `early:${peer}:`;
    this.#progress = records.get(this.#progressKey) ?? START;
    const stored = records.list<Received>(this.#earlyPrefix);
    this.#early = new Map(stored.map(([key, early]) => [Number(key.slice(this.#earlyPrefix.length)), early]));
  }

  /** The sender's count; empty before its first message. */
  get stream(): string {
    return this.#progress.stream;
  }

  /** Messages wait for an earlier one. */
  get isWaiting(): boolean {
    return this.#early.size > 0;
  }

  /** What has come: everything before `next` but `missing`, as far as a receipt can list it. */
  arrived(): { readonly next: number; readonly missing: readonly number[] } {
    const { next, missing, known } = this.#progress;
    const end = Math.max(known, next, ...[...this.#early.keys()].map((number) => number + 1));
    const all = [...missing, ...this.#holes(end)];
    return { next: all[LISTED_MAX] ?? end, missing: all.slice(0, LISTED_MAX) };
  }

  /** Takes one message. If nothing comes of it, it waits, or it is a repetition. */
  take(received: Received, place: Place, batch: Batch): Ordered {
    const { stream, number } = place;
    // Of a count that was given up: it cannot be put in order any more.
    if (this.#progress.past.includes(stream)) return { ready: [{ received, late: true }], gap: 0 };
    const { missing, next } = this.#progress;
    if (stream === this.stream && number < next) {
      if (!missing.includes(number)) return NOTHING;
      this.#save({ missing: missing.filter((each) => each !== number) }, batch);
      return { ready: [{ received, late: true }], gap: 0 };
    }
    const before = this.#begin(stream, place.base, batch);
    this.#early.set(number, received);
    batch.set(numberedKey(this.#earlyPrefix, number), received);
    const base = Math.max(place.base, number - AHEAD_MAX);
    return joined(
      before,
      this.told({ stream, base }, batch),
      this.#early.size > EARLY_MAX ? this.giveUp(batch) : NOTHING,
    );
  }

  /** The sender says what was sent and what will not come. */
  told({ stream, base, next = 0, gone = [] }: Told, batch: Batch): Ordered {
    const before = this.#begin(stream, base, batch);
    const { missing, known } = this.#progress;
    const isOver = (number: number) => number < base || gone.includes(number);
    this.#save(
      {
        known: Math.max(known, Math.min(next, this.#progress.next + AHEAD_MAX)),
        missing: missing.filter((number) => !isOver(number)),
      },
      batch,
    );
    const toBase = this.#handTo(base, batch);
    return joined(
      before,
      toBase,
      this.#handWhile((number) => gone.includes(number), batch),
    );
  }

  /** Waits no longer for what is missing. It may still come, and is then handed over late. */
  giveUp(batch: Batch): Ordered {
    const end = Math.max(this.#progress.next, ...[...this.#early.keys()].map((number) => number + 1));
    const missing = [...this.#progress.missing, ...this.#holes(end)].slice(-MISSING_MAX);
    const ordered = this.#handTo(end, batch);
    this.#save({ missing }, batch);
    return ordered;
  }

  /** If the sender counts anew, what waited for an earlier message will not get it. */
  #begin(stream: string, base: number, batch: Batch): Ordered {
    if (stream === this.stream) return NOTHING;
    const ordered = this.giveUp(batch);
    const past = this.stream === '' ? [] : [...this.#progress.past, this.stream].slice(-PAST_MAX);
    this.#save({ stream, next: base, known: base, missing: [], past }, batch);
    return ordered;
  }

  /** Hands over everything before `end`; what has not come is skipped. */
  #handTo(end: number, batch: Batch): Ordered {
    const { next } = this.#progress;
    if (end > next) {
      const numbers = [...this.#early.keys()]
        .filter((number) => number < end)
        .sort((one, other) => one - other);
      const ready = numbers.flatMap((number) => this.#handOver(number, batch));
      this.#save({ next: end }, batch);
      return joined(
        { ready, gap: end - next - ready.length },
        this.#handWhile(() => false, batch),
      );
    }
    return this.#handWhile(() => false, batch);
  }

  /** Hands over what comes next, skipping numbers that `skips` names. */
  #handWhile(skips: (number: number) => boolean, batch: Batch): Ordered {
    const ready: Handed[] = [];
    let gap = 0;
    let { next } = this.#progress;
    for (; this.#early.has(next) || skips(next); next++) {
      const handed = this.#handOver(next, batch);
      ready.push(...handed);
      if (handed.length === 0) gap += 1;
    }
    if (next > this.#progress.next) this.#save({ next }, batch);
    return { ready, gap };
  }

  #handOver(number: number, batch: Batch): Handed[] {
    const received = this.#early.get(number);
    if (received === undefined) return [];
    this.#early.delete(number);
    batch.remove(numberedKey(this.#earlyPrefix, number));
    return [{ received, late: false }];
  }

  /** Numbers from `next` to `end` that have not come. */
  #holes(end: number): number[] {
    const { next } = this.#progress;
    return Array.from({ length: end - next }, (_, index) => next + index).filter(
      (number) => !this.#early.has(number),
    );
  }

  #save(changed: Partial<Progress>, batch: Batch): void {
    this.#progress = { ...this.#progress, ...changed };
    batch.set(this.#progressKey, this.#progress);
  }
}

const NOTHING: Ordered = { ready: [], gap: 0 };

function joined(...all: readonly Ordered[]): Ordered {
  return {
    ready: all.flatMap(({ ready }) => ready),
    gap: all.reduce((sum, { gap }) => sum + gap, 0),
  };
}
