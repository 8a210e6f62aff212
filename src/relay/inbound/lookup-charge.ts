import type { DeliverOutcome } from '../../engine/engine.ts';
import type { RateLimiter } from '../context/rate-limiter.ts';

/** Recipients that one session remembers; the oldest is forgotten, and costs one look-up again. */
const REMEMBERED_MAX = 1_024;

export interface RecipientsOptions {
  /** The budget of `GET /users/:code`. */
  readonly lookups: RateLimiter;
  /** Whose budget it is. */
  readonly address: string;
}

/**
 * Trying codes by sending costs what looking them up costs: the first envelope to somebody whom this session has not
 * reached yet takes a look-up, and has it back if there is such a user. It is taken beforehand, because once the
 * budget is spent, storing for those who exist and refusing the others would tell which is which all the same.
 */
export class LookupCharge {
  readonly #options: RecipientsOptions;
  /** Null until the first envelope, as most stay who only listen. */
  #known: Map<string, 'trying' | 'reached'> | null = null;

  constructor(options: RecipientsOptions) {
    this.#options = options;
  }

  /** 0 if an envelope may be sent there; otherwise the milliseconds to wait. */
  approach(recipient: string): number {
    if (this.#known?.has(recipient)) return 0;
    const { lookups, address } = this.#options;
    const waitMs = lookups.take(address);
    if (waitMs === 0) this.#remember(recipient, 'trying');
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
      this.#known?.delete(recipient);
    }
    if (outcome !== 'unavailable') this.#remember(recipient, 'reached');
  }

  #remember(recipient: string, state: 'trying' | 'reached'): void {
    this.#known ??= new Map();
    this.#known.set(recipient, state);
    if (this.#known.size <= REMEMBERED_MAX) return;
    const oldest = this.#known.keys().next();
    if (!oldest.done) this.#known.delete(oldest.value);
  }
}
