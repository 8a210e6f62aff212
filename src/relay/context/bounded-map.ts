/** A map of at most `sizeMax` entries. Setting a key makes it the newest; beyond the bound the oldest is forgotten. */
export class BoundedMap<K, V> {
  readonly #sizeMax: number;
  /** Oldest first. */
  readonly #entries = new Map<K, V>();

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Oldest first. */
  keys(): Iterable<K> {
    return this.#entries.keys();
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#sizeMax) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** Deletes entries from the oldest on, up to the first that `isStale` refuses. */
  sweep(isStale: (value: V) => boolean): void {
    for (const [key, value] of this.#entries) {
      if (!isStale(value)) return;
      this.#entries.delete(key);
    }
  }
}
