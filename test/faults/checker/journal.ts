import { type Arrival, type Connected, type History, NEVER, type SentEnvelope } from './history.ts';

/** How the journal keeps an envelope until the end: what the checker reads, and what live figures need. */
export interface Entry extends SentEnvelope {
  arrived: boolean;
  /** The relay has answered `unavailable` to it, at least once. */
  unavailable: boolean;
}

/**
 * Where all clients of a run write down what they did and saw. The checker reads it at the end; meanwhile it counts,
 * so that a run knows when every client has caught up.
 */
export class Journal implements History {
  readonly sent: Entry[] = [];
  readonly arrivals: Arrival[] = [];
  readonly connections: Connected[] = [];
  /** Errors that the relay sent, by code. */
  readonly errors = new Map<string, number>();
  /** How long clients waited for an `unavailable`, ms. */
  readonly unavailableMs: number[] = [];
  /** Closes that clients saw, by code. */
  readonly closes = new Map<number, number>();
  /** Accepted so far. */
  accepted = 0;
  /** Of what was accepted: not received yet. */
  missing = 0;
  /** First arrivals. */
  received = 0;
  /** When an envelope last arrived for the first time. */
  lastReceivedAtMs = 0;
  readonly #pairs = new Map<string, Entry[]>();
  readonly #names = new Map<string, string>();

  /** A new envelope of `sender`, before it is sent. */
  begin(envelope: Pick<SentEnvelope, 'sender' | 'recipient' | 'number' | 'digest'>): Entry {
    const pair = this.#pair(envelope.sender, envelope.recipient);
    if (pair.length !== envelope.number)
      throw new Error(`number ${envelope.number} follows ${pair.length - 1}`);
    const entry: Entry = {
      ...envelope,
      sentAtMs: performance.now(),
      outcome: 'unknown',
      settledAtMs: null,
      firstPosition: NEVER,
      lastPosition: NEVER,
      arrived: false,
      unavailable: false,
    };
    pair.push(entry);
    this.sent.push(entry);
    return entry;
  }

  accept(entry: Entry): void {
    if (entry.outcome === 'accepted') return;
    entry.outcome = 'accepted';
    entry.settledAtMs = performance.now();
    this.accepted += 1;
    if (!entry.arrived) this.missing += 1;
  }

  arrive(arrival: Arrival): void {
    const sender = this.#intern(arrival.sender);
    const recipient = this.#intern(arrival.recipient);
    this.arrivals.push({ ...arrival, sender, recipient });
    const entry = this.#pairs.get(`${sender}>${recipient}`)?.[arrival.number];
    if (entry === undefined || entry.arrived || arrival.receiver !== recipient) return;
    entry.arrived = true;
    this.received += 1;
    this.lastReceivedAtMs = arrival.atMs;
    if (entry.outcome === 'accepted') this.missing -= 1;
  }

  open(user: string): Connected {
    const connected: Connected = {
      user,
      connection: this.connections.length + 1,
      openedAtMs: performance.now(),
      closedAtMs: null,
      closeCode: null,
    };
    this.connections.push(connected);
    return connected;
  }

  close(connected: Connected, code: number): void {
    connected.closedAtMs = performance.now();
    connected.closeCode = code;
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
  }

  /** @param waitedMs from sending to this answer; null if it was no answer to an envelope */
  error(code: string, waitedMs: number | null): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    if (code === 'unavailable' && waitedMs !== null) this.unavailableMs.push(waitedMs);
  }

  /** Everything accepted has arrived, but what may be lost. */
  allArrived(mayLose: (envelope: SentEnvelope) => boolean): boolean {
    if (this.missing === 0) return true;
    let left = this.missing;
    for (let index = this.sent.length - 1; index >= 0 && left > 0; index -= 1) {
      const entry = this.sent[index];
      if (entry === undefined || entry.outcome !== 'accepted' || entry.arrived) continue;
      if (!mayLose(entry)) return false;
      left -= 1;
    }
    return true;
  }

  #pair(sender: string, recipient: string): Entry[] {
    const key = `${sender}>${recipient}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = [];
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  /** A million arrivals would else keep two million equal strings. */
  #intern(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, name);
    return name;
  }
}
