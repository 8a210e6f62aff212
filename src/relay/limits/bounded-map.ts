/** A map of at most `sizeMax` entries. Setting a key makes it the newest; beyond the bound the oldest is forgotten. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #sizeMax: number;

  constructor(sizeMax: number) {
    super();
    this.#sizeMax = sizeMax;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size <= this.#sizeMax) return this;
    const oldest = this.keys().next();
    if (!oldest.done) this.delete(oldest.value);
    return this;
  }

  /** Deletes entries from the oldest on, up to the first that `isStale` refuses. */
  sweep(isStale: (value: V) => boolean): void {
    for (const [key, value] of this) {
      if (!isStale(value)) return;
      this.delete(key);
    }
  }
}
