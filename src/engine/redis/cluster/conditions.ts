import type { EngineObserver } from '../../observer.ts';

interface Condition {
  /** Refusals so far. */
  count: number;
  /** Monotonic, of the newest refusal. */
  lastMs: number;
}

/** A condition that comes and goes is one. */
const QUIET_MS = 5_000;

/**
 * What Redis refuses for longer than a moment: said once when it begins and once when it ends, however many calls meet
 * it.
 */
export class Conditions {
  readonly #observer: EngineObserver;
  readonly #conditions = new Map<string, Condition>();

  constructor(observer: EngineObserver) {
    this.#observer = observer;
  }

  /** @param verb what is refused, for people */
  refused({ shard, verb, reason }: { shard: string; verb: string; reason: string }): void {
    const key = keyOf(shard, verb);
    const known = this.#conditions.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.lastMs = performance.now();
      return;
    }
    this.#conditions.set(key, { count: 1, lastMs: performance.now() });
    this.#observer.log('error', 'Redis refuses calls', { shard, verb, reason });
  }

  /** On the hot path: nearly always there is no condition at all. */
  worked(shard: string, verb: string): void {
    if (this.#conditions.size === 0) return;
    const key = keyOf(shard, verb);
    const known = this.#conditions.get(key);
    if (known === undefined || performance.now() - known.lastMs < QUIET_MS) return;
    this.#conditions.delete(key);
    this.#observer.log('info', 'Redis takes calls again', { shard, verb, count: known.count });
  }
}

function keyOf(shard: string, verb: string): string {
  return `${shard} ${verb}`;
}
