import { envelopeFrame } from '../support/plain/frames.ts';
import { PlainClient } from '../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../support/plain/users.ts';
import { until } from '../support/until.ts';

const FINISH_TIMEOUT_MS = 20_000;

/** How fast Alice writes: one envelope every so many ms, or always so many on their way at once. */
export type Pace = { readonly everyMs: number } | { readonly inFlight: number };

/** Alice writes to Bob all the time while their relay is attacked; `finish` reports all that went wrong for them. */
export class HonestPair {
  /** From sending to arrival, in ms, since `restart`. */
  #latenciesMs: number[] = [];
  readonly #sentAtMs = new Map<number, number>();
  readonly #alice: PlainClient;
  readonly #bob: PlainClient;
  readonly #users: { readonly alice: PlainUser; readonly bob: PlainUser };
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout | null;
  #ending = false;
  #sent = 0;
  #accepted = 0;
  /** The number of the envelope that must come next. */
  #next = 0;

  static async start(relay: { readonly http: string; readonly ws: string }, pace: Pace): Promise<HonestPair> {
    const users = { alice: await registerUser(relay.http), bob: await registerUser(relay.http) };
    const alice = await PlainClient.login(relay.ws, users.alice);
    const bob = await PlainClient.login(relay.ws, users.bob);
    return new HonestPair({ alice, bob, users, pace });
  }

  private constructor(parts: {
    alice: PlainClient;
    bob: PlainClient;
    users: { alice: PlainUser; bob: PlainUser };
    pace: Pace;
  }) {
    this.#alice = parts.alice;
    this.#bob = parts.bob;
    this.#users = parts.users;
    this.#pace = parts.pace;
    this.#bob.ws.on('message', (frame) => this.#received(String(frame)));
    this.#alice.ws.on('message', (frame) => {
      if (!String(frame).includes('"accepted"')) return;
      this.#accepted += 1;
      this.#fill();
    });
    this.#timer = 'everyMs' in this.#pace ? setInterval(() => this.#send(), this.#pace.everyMs) : null;
    this.#fill();
  }

  get sent(): number {
    return this.#sent;
  }

  /** Forgets the latencies so far. */
  restart(): void {
    this.#latenciesMs = [];
  }

  percentileMs(percent: number): number {
    const sorted = [...this.#latenciesMs].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
  }

  /** Envelopes accepted a second, over the next `seconds`. */
  async rate(seconds: number): Promise<number> {
    const before = this.#accepted;
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return ((this.#accepted - before) * 1_000) / (performance.now() - startedMs);
  }

  /** Rejects unless every envelope was accepted and has arrived, once and in order, over the first connections. */
  async finish(): Promise<void> {
    this.#ending = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    const closed = () => [this.#alice.closed, this.#bob.closed];
    const done = () => this.#next === this.#sent && this.#accepted === this.#sent;
    await until(() => done() || closed().some((each) => each !== null), {
      what: `all ${this.#sent} envelopes of the honest sender`,
      timeoutMs: FINISH_TIMEOUT_MS,
    });
    const trouble = { closed: closed(), errors: this.#alice.errors() };
    if (!done() || trouble.closed.some((each) => each !== null) || trouble.errors.length > 0) {
      throw new Error(
        `honest clients were harmed: ${this.#next} of ${this.#sent}, ${JSON.stringify(trouble)}`,
      );
    }
    await Promise.all([this.#alice.close(), this.#bob.close()]);
  }

  #fill(): void {
    if (!('inFlight' in this.#pace)) return;
    while (!this.#ending && this.#sent - this.#accepted < this.#pace.inFlight) this.#send();
  }

  #send(): void {
    const { alice, bob } = this.#users;
    const number = this.#sent;
    this.#sent += 1;
    this.#sentAtMs.set(number, performance.now());
    this.#alice.send(envelopeFrame(alice, { recipient: bob.code, id: `h${number}`, payload: number }));
  }

  #received(frame: string): void {
    const match = /"payload":(\d+)\}/.exec(frame);
    if (match === null) return;
    const number = Number(match[1]);
    // Anything but the next one stays uncounted, and `finish` tells.
    if (number !== this.#next) return;
    this.#next += 1;
    this.#latenciesMs.push(performance.now() - (this.#sentAtMs.get(number) ?? Number.NaN));
    this.#sentAtMs.delete(number);
  }
}
