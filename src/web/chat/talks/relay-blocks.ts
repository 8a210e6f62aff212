import type { Relay } from '../../../client/index.ts';
import type { People } from '../../kept/people.ts';

/** Has the relay block and unblock those whom this user has blocked and unblocked in the page. */
export class RelayBlocks {
  readonly #relay: Relay;
  readonly #people: People;
  #settling: Promise<void> = Promise.resolve();

  constructor(relay: Relay, people: People) {
    this.#relay = relay;
    this.#people = people;
  }

  /** When connected, and again at every connect. By protocol 1 there are no blocks: the page alone drops what comes. */
  settle(): void {
    // One after the other, or a quick Unblock could overtake its Block.
    this.#settling = this.#settling.then(() => this.#settle()).catch(() => {});
  }

  async #settle(): Promise<void> {
    for (const code of this.#people.codes) {
      const { standing, blockedAtRelay = false } = this.#people.get(code) ?? {};
      const wanted = standing === 'blocked';
      if (wanted === blockedAtRelay) continue;
      if (this.#relay.state.state !== 'live') return;
      await (wanted ? this.#relay.block(code) : this.#relay.unblock(code));
      void this.#people.set(code, { blockedAtRelay: wanted || undefined });
    }
  }
}
