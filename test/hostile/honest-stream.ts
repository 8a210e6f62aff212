import { envelopeText } from '../support/clients/envelopes.ts';
import { PlainClient, type PlainUser, registerUser } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';

/** What an eager client has on its way at once. */
const IN_FLIGHT = 16;

/** Somebody who sends as fast as the relay accepts. */
export class HonestStream {
  readonly #alice: PlainClient;
  readonly #bob: PlainClient;
  readonly #users: { readonly alice: PlainUser; readonly bob: PlainUser };
  #sent = 0;
  #accepted = 0;
  #ending = false;

  private constructor(parts: {
    alice: PlainClient;
    bob: PlainClient;
    users: { alice: PlainUser; bob: PlainUser };
  }) {
    this.#alice = parts.alice;
    this.#bob = parts.bob;
    this.#users = parts.users;
    this.#alice.ws.on('message', (bytes) => {
      if (!String(bytes).includes('"accepted"')) return;
      this.#accepted += 1;
      this.#fill();
    });
    this.#fill();
  }

  static async start(relay: { readonly http: string; readonly ws: string }): Promise<HonestStream> {
    const users = { alice: await registerUser(relay.http), bob: await registerUser(relay.http) };
    const alice = await PlainClient.login(relay.ws, users.alice);
    const bob = await PlainClient.login(relay.ws, users.bob);
    return new HonestStream({ alice, bob, users });
  }

  /** Envelopes accepted a second, over the next `seconds`. */
  async rate(seconds: number): Promise<number> {
    const before = this.#accepted;
    const startedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return ((this.#accepted - before) * 1_000) / (performance.now() - startedMs);
  }

  /** Rejects unless everything was accepted and has arrived, over the first connections. */
  async finish(): Promise<void> {
    this.#ending = true;
    await until(() => this.#accepted === this.#sent && this.#bob.envelopes.length === this.#sent, {
      what: `all ${this.#sent} envelopes of the honest sender`,
      timeoutMs: 20_000,
    });
    await Promise.all([this.#alice.close(), this.#bob.close()]);
  }

  #fill(): void {
    const { alice, bob } = this.#users;
    for (; !this.#ending && this.#sent - this.#accepted < IN_FLIGHT; this.#sent += 1) {
      const id = `s${this.#sent}`;
      this.#alice.sendData(alice, envelopeText({ sender: alice.code, recipient: bob.code, id }));
    }
  }
}
