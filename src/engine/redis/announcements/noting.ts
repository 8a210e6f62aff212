import type { Calls } from '../cluster/calls.ts';
import { awayKeys, awayPushKey, keysBesideUser, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';

export interface NotingOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly isCluster: boolean;
  /** A user was noted, for every way of waking that is on. */
  readonly onNoted: (code: string) => void;
}

/** Users that are noted again at once. */
const AGAIN_MAX = 100;
/** Users whose slot was moving; beyond, their next envelope notes them. */
const MOVING_MAX = 10_000;

/**
 * Scripts note users who are away, in the step that finds them away: once for all ways of waking. In a Cluster there is one
 * zset for each slot, so that `deliver` can write it: 16,384.
 */
export class Noting {
  readonly keys: ReturnType<typeof awayKeys>;
  readonly #options: NotingOptions;
  readonly #moving = new Set<string>();

  constructor(options: NotingOptions) {
    this.#options = options;
    this.keys = awayKeys(options.isCluster);
  }

  /** The keys that a script that notes this user may write beside those of the user. */
  keysBeside(code: string): readonly string[] {
    const away = this.keys.of(code);
    return [away, awayPushKey(away)];
  }

  /** @param answer of a script: see lua/announcements/announce.lua */
  noted(code: string, answer: string): void {
    if (answer.includes('?') && this.#moving.size < MOVING_MAX) this.#moving.add(code);
    if (answer.includes('!')) this.#options.onNoted(code);
  }

  /** Notes what could not be noted when it was stored, because its slot was moving. */
  async again(): Promise<void> {
    const { calls, scripts } = this.#options;
    const codes = [...this.#moving].slice(0, AGAIN_MAX);
    const script = scripts['announcements/note'];
    for (const code of codes) this.#moving.delete(code);
    await Promise.all(
      codes.map(async (code) => {
        const beside = () => [...keysBesideUser(code), ...this.keysBeside(code)];
        const run = calls.run({ script, key: userKey(code), beside, args: () => [this.keys.of(code)] });
        this.noted(code, await run.then(String, () => '?'));
      }),
    );
  }
}
