import type { DeliverOutcome } from '../../engine/engine.ts';
import { BoundedMap } from '../limits/bounded-map.ts';
import type { RateLimiter } from '../limits/rate-limiter.ts';

/** Recipients that one session remembers; the oldest is forgotten, and costs a look-up again. */
const REMEMBERED_MAX = 1_024;

export interface LookupChargeOptions {
  /** The budget of `GET /users/:code`. */
  readonly lookups: RateLimiter;
  /** The client address that pays. */
  readonly address: string;
}

/**
 * Trying codes by sending costs what looking them up costs: the first envelope to a recipient that this session has
 * not reached yet takes a look-up, and gets it back if the recipient exists. It is taken beforehand: with the budget
 * spent, storing for existing recipients and refusing the others would tell which is which all the same.
 */
export class LookupCharge {
  readonly #options: LookupChargeOptions;
  /** Null until the first envelope: most clients only listen, and an empty Map is 190 bytes. */
  #known: BoundedMap<string, 'trying' | 'reached'> | null = null;

  constructor(options: LookupChargeOptions) {
    this.#options = options;
  }

  /** The recipients of this session, as far as it remembers them. */
  get recipients(): readonly string[] {
    return this.#known === null ? [] : [...this.#known.keys()];
  }

  /** 0 if an envelope may be sent to this recipient; otherwise the milliseconds to wait. */
  approach(recipient: string): number {
    this.#known ??= new BoundedMap(REMEMBERED_MAX);
    if (this.#known.get(recipient) !== undefined) return 0;
    const { lookups, address } = this.#options;
    const waitMs = lookups.take(address);
    if (waitMs === 0) this.#known.set(recipient, 'trying');
    return waitMs;
  }

  settle(recipient: string, outcome: DeliverOutcome | 'unavailable'): void {
    if (outcome === 'recipient_unknown') {
      this.#known?.delete(recipient);
      return;
    }
    if (this.#known?.get(recipient) === 'trying') {
      const { lookups, address } = this.#options;
      lookups.giveBack(address);
      this.#known.delete(recipient);
    }
    if (outcome !== 'unavailable') this.#known?.set(recipient, 'reached');
  }
}
