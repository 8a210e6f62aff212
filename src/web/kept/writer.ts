import type { Changes, Storage } from '../../client/index.ts';

/** Writes in the order of the calls. What comes while a write goes on is written together afterwards. */
export class Writer {
  readonly #storage: Storage;
  readonly #onBroken: (error: unknown) => void;
  #waiting = new Map<string, string | null>();
  #writing: Promise<void> | null = null;

  constructor(storage: Storage, onBroken: (error: unknown) => void) {
    this.#storage = storage;
    this.#onBroken = onBroken;
  }

  /** Resolves once written; a failure is reported to `onBroken`, and then this never resolves. */
  write(changes: Changes): Promise<void> {
    for (const [key, value] of changes) this.#waiting.set(key, value);
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  /** Writes what waits, and lets go of the storage. */
  async close(): Promise<void> {
    await this.write(new Map());
    await this.#storage.close();
  }

  async #writeAll(): Promise<void> {
    // Everything of this turn goes together.
    await Promise.resolve();
    try {
      while (this.#waiting.size > 0) {
        const changes = this.#waiting;
        this.#waiting = new Map();
        await this.#storage.write(changes);
      }
      this.#writing = null;
    } catch (error) {
      this.#onBroken(error);
      await new Promise<never>(() => {});
    }
  }
}
