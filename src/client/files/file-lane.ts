import type { Outcome } from '../commands/relay-reply.ts';
import { DEFAULT_LIMITS, type RelayLimits } from '../connection/login.ts';
import type { ClientError } from '../errors.ts';

/** A signed frame of a file. */
export interface FileFrame {
  /** The envelope's. */
  readonly id: string;
  readonly text: string;
}

/** What became of a frame: stored by the relay; not stored, send it again; no room for this recipient; refused for good. */
export type FrameOutcome = 'accepted' | 'lost' | 'full' | ClientError;

/** Where the lane gets frames from: one file on its way. */
export interface LaneWork {
  /** The next frame, or null for now; `wake` the lane when there is one again. */
  next(): Promise<(FileFrame & { readonly onOutcome: (outcome: FrameOutcome) => void }) | null>;
}

/** Frames that wait for the relay's answer at once: enough to hide the way there and back. */
const UNANSWERED_MAX = 6;
const ANSWER_WITHIN_MS = 15_000;
/** Of what the relay allows, so that messages have room beside files. */
const SHARE_OF_RATE = 0.8;
/** Unused rate that may be caught up with: timers are late. */
const CATCH_UP_MS = 250;
/** After a refusal of the whole connection, at least. */
const REST_MS = 300;

interface Unanswered {
  readonly onOutcome: (outcome: FrameOutcome) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * The way of files to the relay, beside the outbox: their parts are neither stored nor kept in order, because the
 * recipient says what is missing; so they hold up no message, and fill no storage. Paces itself below the relay's rates,
 * which would count as flooding beyond.
 */
export class FileLane {
  readonly #works: LaneWork[] = [];
  readonly #unanswered = new Map<string, Unanswered>();
  #transmit: ((frame: string) => void) | null = null;
  #limits: RelayLimits = DEFAULT_LIMITS;
  #running = false;
  /** Woken while running: look again. */
  #again = false;
  /** No frame before this, by `performance.now()`. */
  #notBeforeMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  add(work: LaneWork): void {
    if (!this.#works.includes(work)) this.#works.push(work);
    this.wake();
  }

  remove(work: LaneWork): void {
    const index = this.#works.indexOf(work);
    if (index >= 0) this.#works.splice(index, 1);
  }

  live(transmit: (frame: string) => void, limits: RelayLimits): void {
    this.#transmit = transmit;
    this.#limits = limits;
    this.#notBeforeMs = 0;
    this.wake();
  }

  down(): void {
    this.#transmit = null;
    clearTimeout(this.#timer);
    for (const id of [...this.#unanswered.keys()]) this.#settle(id, 'lost');
  }

  /** Sends a short frame at once, before all parts. False if there is no connection. */
  say(frame: FileFrame): boolean {
    this.#transmit?.(frame.text);
    return this.#transmit !== null;
  }

  /** The relay has answered. False if it is about no frame of a file. */
  answered(outcome: Outcome): boolean {
    if (!this.#unanswered.has(outcome.id)) return false;
    if (outcome.outcome === 'accepted') this.#settle(outcome.id, 'accepted');
    else if (outcome.outcome === 'refused') this.#settle(outcome.id, outcome.error);
    else if (outcome.why === 'mailbox_full') this.#settle(outcome.id, 'full');
    else {
      this.#notBeforeMs = performance.now() + Math.max(REST_MS, outcome.waitMs ?? 0);
      this.#settle(outcome.id, 'lost');
    }
    return true;
  }

  /** There may be something to send. */
  wake(): void {
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        // One frame of each file in turn, so that a small one does not wait for a large one.
        for (const work of [...this.#works]) {
          if (!this.#mayGo()) return;
          const frame = await work.next();
          if (frame === null) continue;
          this.#again = true;
          this.#go(frame);
        }
      }
    } finally {
      // In the same tick as the return: a wake-up that comes next must start it again.
      this.#running = false;
    }
  }

  #mayGo(): boolean {
    if (this.#transmit === null || this.#unanswered.size >= UNANSWERED_MAX) return false;
    const waitMs = this.#notBeforeMs - performance.now();
    if (waitMs <= 0) return true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), waitMs);
    return false;
  }

  #go({ id, text, onOutcome }: FileFrame & { readonly onOutcome: (outcome: FrameOutcome) => void }): void {
    if (this.#transmit === null) {
      onOutcome('lost');
      return;
    }
    const timer = setTimeout(() => this.#settle(id, 'lost'), ANSWER_WITHIN_MS);
    this.#unanswered.set(id, { onOutcome, timer });
    const { bytesPerS, envelopesPerS } = this.#limits;
    const seconds = Math.max(
      bytesPerS === 0 ? 0 : text.length / (bytesPerS * SHARE_OF_RATE),
      envelopesPerS === 0 ? 0 : 1 / (envelopesPerS * SHARE_OF_RATE),
    );
    this.#notBeforeMs = Math.max(this.#notBeforeMs, performance.now() - CATCH_UP_MS) + seconds * 1000;
    this.#transmit(text);
  }

  #settle(id: string, outcome: FrameOutcome): void {
    const unanswered = this.#unanswered.get(id);
    if (unanswered === undefined) return;
    this.#unanswered.delete(id);
    clearTimeout(unanswered.timer);
    unanswered.onOutcome(outcome);
    this.wake();
  }
}
