import { applyChanges, type Changes, type Storage } from './storage.ts';

/** Changes that belong together: collected while an event is handled, then written in one step. */
export class Batch {
  readonly changes = new Map<string, string | null>();

  set(key: string, value: unknown): void {
    this.changes.set(key, JSON.stringify(value));
  }

  remove(key: string): void {
    this.changes.set(key, null);
  }
}

/**
 * A storage with its content in memory: reads are immediate, so a state machine steps without waiting. Whatever a step
 * *causes* (an acknowledgement, a frame on the wire, an event) waits for `commit`.
 */
export class Records {
  readonly #storage: Storage;
  readonly #entries: Map<string, string>;

  private constructor(storage: Storage, entries: Map<string, string>) {
    this.#storage = storage;
    this.#entries = entries;
  }

  static async open(storage: Storage): Promise<Records> {
    return new Records(storage, new Map(await storage.load()));
  }

  get<Value>(key: string): Value | undefined {
    const text = this.#entries.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as Value);
  }

  /** The entries whose key begins with `prefix`, in the order of keys. */
  list<Value>(prefix: string): Array<readonly [key: string, value: Value]> {
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => [key, JSON.parse(this.#entries.get(key) ?? 'null') as Value] as const);
  }

  /** Resolves once stored. Storages write in call order, so commits resolve in order too. */
  commit(batch: Batch): Promise<void> {
    if (batch.changes.size === 0) return Promise.resolve();
    const changes: Changes = new Map(batch.changes);
    applyChanges(this.#entries, changes);
    return this.#storage.write(changes);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
