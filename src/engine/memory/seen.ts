import { DEDUPE_IDS, DEDUPE_PERIOD_MS } from '../bounds.ts';

interface Generation {
  digests: Map<string, string>;
  expiresAtMs: number;
}

/** The ids stored in one mailbox in the last 10 to 20 minutes, and the digests of their bytes. */
export class Seen {
  readonly #generations: [Generation, Generation] = [empty(), empty()];

  digestOf(key: string, nowMs: number): string | undefined {
    this.#forget(nowMs);
    const { current, other } = this.#choose(nowMs);
    return current.digests.get(key) ?? other.digests.get(key);
  }

  add(entries: readonly (readonly [key: string, digest: string])[], nowMs: number): void {
    this.#forget(nowMs);
    const { current, other, period } = this.#choose(nowMs);
    if (current.digests.size + entries.length > DEDUPE_IDS) {
      other.digests = current.digests;
      other.expiresAtMs = current.expiresAtMs;
      current.digests = new Map();
    }
    for (const [key, digest] of entries) current.digests.set(key, digest);
    current.expiresAtMs = (period + 2) * DEDUPE_PERIOD_MS;
  }

  isEmpty(nowMs: number): boolean {
    this.#forget(nowMs);
    return this.#generations.every(({ digests }) => digests.size === 0);
  }

  /** Neighbouring periods fill different generations, so that the other one holds the previous period. */
  #choose(nowMs: number): { current: Generation; other: Generation; period: number } {
    const period = Math.floor(nowMs / DEDUPE_PERIOD_MS);
    const [even, odd] = this.#generations;
    return period % 2 === 0 ? { current: even, other: odd, period } : { current: odd, other: even, period };
  }

  #forget(nowMs: number): void {
    for (const generation of this.#generations) {
      if (nowMs >= generation.expiresAtMs && generation.digests.size > 0) generation.digests = new Map();
    }
  }
}

function empty(): Generation {
  return { digests: new Map(), expiresAtMs: 0 };
}
