import type { Identity } from '../account/identity.ts';
import type { Commands } from '../commands/commands.ts';
import type { PublishedState } from '../connection/published-state.ts';
import type { Records } from '../storage/records.ts';
import { type ClaimedPrekeys, readClaim } from './claimed-prekeys.ts';
import { OwnPrekeys } from './own-prekeys.ts';

export interface PrekeysOptions {
  readonly identity: Identity;
  readonly records: Records;
  readonly commands: Commands;
  readonly ownCode: () => string;
  readonly now: () => number;
}

/** The commands `prekeys` and `prekey_claim` of one relay. */
export class Prekeys {
  readonly own: OwnPrekeys;
  readonly #options: PrekeysOptions;
  /** Relays of before know no such commands. */
  #known = false;

  constructor(options: PrekeysOptions) {
    const { commands, ownCode } = options;
    this.#options = options;
    this.own = new OwnPrekeys({
      ...options,
      publish: (payload) => commands.send(ownCode(), { type: 'prekeys', payload }),
    });
  }

  /** Logged in. `state`: null if nothing is to be published or claimed here. */
  welcomed(state: PublishedState | null): void {
    this.#known = state !== null;
    if (state !== null) this.own.welcomed(this.#options.ownCode(), state);
  }

  /** Null if the relay has no prekeys; resolves with null if this user has published none. */
  claim(owner: {
    readonly code: string;
    readonly eddsaPublicKey: string;
  }): Promise<ClaimedPrekeys | null> | null {
    if (!this.#known) return null;
    const { commands, ownCode } = this.#options;
    const payload = { code: owner.code };
    return commands
      .send(ownCode(), { type: 'prekey_claim', payload })
      .then((answer) => readClaim(answer, owner));
  }
}
