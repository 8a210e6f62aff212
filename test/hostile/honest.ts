import { PlainClient, type PlainUser, registerUser } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';

const INTERVAL_MS = 20;

/** Two people who write to each other all the time, and notice whatever happens to them. */
export class HonestPair {
  /** From sending to arrival, in ms, since `restart`. */
  #delaysMs: number[] = [];
  readonly #sentAtMs = new Map<number, number>();
  readonly #alice: PlainClient;
  readonly #bob: PlainClient;
  readonly #users: { readonly alice: PlainUser; readonly bob: PlainUser };
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #read = 0;
  /** The number of the envelope that must come next. */
  #next = 0;

  private constructor(parts: {
    alice: PlainClient;
    bob: PlainClient;
    users: { alice: PlainUser; bob: PlainUser };
  }) {
    this.#alice = parts.alice;
    this.#bob = parts.bob;
    this.#users = parts.users;
    this.#bob.ws.on('message', () => this.#receive());
    this.#timer = setInterval(() => this.#send(), INTERVAL_MS);
  }

  static async start(relay: { readonly http: string; readonly ws: string }): Promise<HonestPair> {
    const users = { alice: await registerUser(relay.http), bob: await registerUser(relay.http) };
    const alice = await PlainClient.login(relay.ws, users.alice);
    const bob = await PlainClient.login(relay.ws, users.bob);
    return new HonestPair({ alice, bob, users });
  }

  get sent(): number {
    return this.#sent;
  }

  /** Forgets the delays so far. */
  restart(): void {
    this.#delaysMs = [];
  }

  percentileMs(percent: number): number {
    const sorted = [...this.#delaysMs].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
  }

  /** Rejects unless every envelope has arrived, once and in order, over the first connections. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await until(() => this.#next === this.#sent || this.#bob.closed !== null || this.#alice.closed !== null, {
      what: 'the honest envelopes',
    });
    const trouble = { alice: this.#alice.closed, bob: this.#bob.closed, errors: this.#alice.errors() };
    if (
      this.#next !== this.#sent ||
      trouble.alice !== null ||
      trouble.bob !== null ||
      trouble.errors.length > 0
    ) {
      throw new Error(
        `honest clients were harmed: ${this.#next} of ${this.#sent}, ${JSON.stringify(trouble)}`,
      );
    }
    await Promise.all([this.#alice.close(), this.#bob.close()]);
  }

  #send(): void {
    const { alice, bob } = this.#users;
    const number = this.#sent;
    this.#sent += 1;
    this.#sentAtMs.set(number, performance.now());
    const message = `{"type":"message","payload":${number}}`;
    this.#alice.sendData(
      alice,
      `{"sender":"${alice.code}","recipient":"${bob.code}","id":"h${number}","message":${message}}`,
    );
  }

  #receive(): void {
    const { received } = this.#bob;
    for (; this.#read < received.length; this.#read += 1) {
      const match = /"payload":(\d+)\}/.exec(received[this.#read] ?? '');
      if (match === null) continue;
      const number = Number(match[1]);
      // Anything but the next one stays uncounted, and `finish` tells.
      if (number !== this.#next) continue;
      this.#next += 1;
      this.#delaysMs.push(performance.now() - (this.#sentAtMs.get(number) ?? Number.NaN));
      this.#sentAtMs.delete(number);
    }
  }
}
