import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { challengeOf, leadingZeroBits } from '../../protocol/work.ts';

/** How long a challenge can be answered. Slow devices take minutes for the largest. */
const LASTS_S = 600;
/** 128 bits, in base64url: with them, work is one block of SHA-256. */
const MAC_LENGTH = 22;

const CHALLENGE = /^(\d{1,2})\.(\d{1,12})\.([A-Za-z0-9_-]{22})$/;

/** Both keys of a registration, in lower-case hex. */
interface Keys {
  readonly ecdhPublicKey: string;
  readonly eddsaPublicKey: string;
}

export interface RegistrationWorkOptions {
  /** What a new account costs now; 0: nothing. */
  readonly bits: () => number;
  /** The same at all nodes, so that each takes the work for a challenge of another. */
  readonly secret: () => Promise<string>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/**
 * Challenges to work for a new account, `<bits>.<expiry>.<MAC>`. Nothing is stored: the MAC binds them to the pair of keys,
 * and to register that pair again is free, so work cannot be spent twice.
 */
export class RegistrationWork {
  readonly #options: RegistrationWorkOptions;
  /** See `RegistrationWorkOptions`. */
  readonly bits: () => number;

  constructor(options: RegistrationWorkOptions) {
    this.#options = options;
    this.bits = options.bits;
  }

  async challenge(keys: Keys): Promise<{ readonly challenge: string; readonly bits: number }> {
    const bits = this.bits();
    const terms = `${bits}.${Math.floor(this.#options.clock() / 1000) + LASTS_S}`;
    return { challenge: `${terms}.${await this.#mac(terms, keys)}`, bits };
  }

  /** Whether this is the work that a challenge for these keys asked for, and in time. Cheap checks first. */
  async accepts(work: string, keys: Keys): Promise<boolean> {
    const [, bits, expiresS, mac] = CHALLENGE.exec(challengeOf(work) ?? '') ?? [];
    if (bits === undefined || mac === undefined) return false;
    if (Number(expiresS) * 1000 < this.#options.clock()) return false;
    if (leadingZeroBits(createHash('sha256').update(work).digest()) < Number(bits)) return false;
    return timingSafeEqual(Buffer.from(mac), Buffer.from(await this.#mac(`${bits}.${expiresS}`, keys)));
  }

  async #mac(terms: string, { ecdhPublicKey, eddsaPublicKey }: Keys): Promise<string> {
    const text = `keyrelay-work:${terms}:${ecdhPublicKey}:${eddsaPublicKey}`;
    const hmac = createHmac('sha256', await this.#options.secret()).update(text);
    return hmac.digest('base64url').slice(0, MAC_LENGTH);
  }
}
