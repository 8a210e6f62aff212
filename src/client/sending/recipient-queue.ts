import { fullJitterMs } from '../connection/backoff.ts';

/** The members of an entry that decide the order. */
export interface RecipientQueueEntry {
  /** Grows with every entry. */
  readonly number: number;
  /** The envelope's id. */
  readonly id: string;
  readonly recipient: string;
  /** A frame of the key exchange: sent before messages, which may need its keys. */
  readonly urgent: boolean;
  /** The frame on the wire; null until it is sealed, just before it is first sent. */
  readonly frame: string | null;
  /** The number of the message that it carries. */
  readonly message?: number;
  /** It has been sent before, and goes before messages that have not. */
  readonly again?: boolean;
}

/** Without an answer within this time, the same frame is sent again. */
const ANSWER_WITHIN_MS = 15_000;

/**
 * The envelopes to one recipient, one in flight at a time. While that one is in doubt (sent, not answered), newer ones
 * wait: the relay could store them and not it, and its repetition would then arrive after them.
 */
export class RecipientQueue<Entry extends RecipientQueueEntry> {
  #entries: Entry[] = [];
  /** Id of the entry that the relay has not answered yet. */
  inFlight: string | null = null;
  /** Set while the next try waits. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resting = false;
  #attempt = 0;

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** False if there is no such entry. */
  remove(number: number): boolean {
    const index = this.#entries.findIndex((entry) => entry.number === number);
    const removed = this.#entries.splice(index, index < 0 ? 0 : 1)[0];
    if (removed !== undefined && removed.id === this.inFlight) this.settle();
    return removed !== undefined;
  }

  count(matches: (entry: Entry) => boolean): number {
    return this.#entries.filter(matches).length;
  }

  sealed(): Entry[] {
    return this.#entries.filter((entry) => entry.frame !== null && !entry.urgent);
  }

  unsealed(): Entry[] {
    return this.#entries.filter((entry) => entry.frame === null);
  }

  /**
   * The entries that may be sent now: the first, or if it cannot be sealed yet, the next. A sealed message may have been
   * sent before, so it goes alone, even before urgent frames. There is at most one, because nothing is sealed before the
   * entries ahead of it are settled.
   */
  candidates(): readonly Entry[] {
    if (this.inFlight !== null || this.#resting) return [];
    const sealed = this.#entries.find((entry) => entry.frame !== null && !entry.urgent);
    if (sealed !== undefined) return [sealed];
    const urgent = this.#entries.filter((entry) => entry.urgent);
    return [...urgent, this.#nextMessage()].filter((entry) => entry !== undefined);
  }

  /** What is sent again goes first, in the order of the messages. */
  #nextMessage(): Entry | undefined {
    const again = this.#entries.filter((entry) => entry.again === true);
    again.sort((one, other) => (one.message ?? 0) - (other.message ?? 0));
    return again[0] ?? this.#entries.find((entry) => !entry.urgent);
  }

  /** Puts the sealed entry in flight; `again` is called if no answer comes. */
  launch(sealed: Entry, again: () => void): void {
    this.#entries = this.#entries.map((entry) => (entry.number === sealed.number ? sealed : entry));
    this.inFlight = sealed.id;
    this.#wait(ANSWER_WITHIN_MS, again);
  }

  /** The relay has accepted or refused the entry in flight. */
  settle(): Entry | null {
    const entry = this.#entries.find(({ id }) => id === this.inFlight) ?? null;
    this.#attempt = 0;
    this.restart();
    return entry;
  }

  /** Sends the same again, after `waitMs` plus growing jitter. Returns the entry. */
  retry(waitMs: number | null, again: () => void): Entry | null {
    const entry = this.#entries.find(({ id }) => id === this.inFlight) ?? null;
    this.restart();
    this.#resting = true;
    this.#wait((waitMs ?? 0) + fullJitterMs(this.#attempt++), again);
    return entry;
  }

  /** A new socket has nothing in flight. */
  restart(): void {
    this.pause();
    this.inFlight = null;
    this.#resting = false;
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.inFlight = null;
      this.#resting = false;
      then();
    }, ms);
  }
}
