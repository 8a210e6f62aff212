import type { Relay } from '../../../client/index.ts';
import type { People } from '../../kept/people.ts';
import { changeSettings, readSettings } from '../../kept/settings.ts';

/**
 * Has the relay refuse what the page refuses: people who are blocked, and, if the user wants it, all but the first request
 * of each stranger.
 */
export class Refusals {
  readonly #relay: Relay;
  readonly #people: People;
  #settling: Promise<void> = Promise.resolve();

  constructor(relay: Relay, people: People) {
    this.#relay = relay;
    this.#people = people;
  }

  /** When connected, and again at every connect. Protocol 1 has no such commands: the page alone drops what comes. */
  settle(): void {
    // One after the other, or a quick Unblock could overtake its Block.
    this.#settling = this.#settling
      .then(() => this.#settleBlocks())
      .then(() => this.#settlePolicy())
      .catch(() => {});
  }

  async #settleBlocks(): Promise<void> {
    for (const code of this.#people.codes) {
      const { standing, blockedAtRelay = false } = this.#people.get(code) ?? {};
      const wanted = standing === 'blocked';
      if (wanted === blockedAtRelay) continue;
      if (this.#relay.state.state !== 'live') return;
      await (wanted ? this.#relay.block(code) : this.#relay.unblock(code));
      void this.#people.set(code, { blockedAtRelay: wanted || undefined });
    }
  }

  async #settlePolicy(): Promise<void> {
    const { code, state } = this.#relay;
    const { fewRequests, fewRequestsAtRelay } = readSettings();
    // A new code has a policy of its own.
    const wanted = fewRequests ? code : null;
    if (
      state.state !== 'live' ||
      wanted === fewRequestsAtRelay ||
      (!fewRequests && fewRequestsAtRelay !== code)
    )
      return;
    await this.#relay.policy(fewRequests ? 'known' : 'anyone');
    changeSettings({ fewRequestsAtRelay: wanted });
  }
}
