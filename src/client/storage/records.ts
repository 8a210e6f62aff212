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

interface PendingWrite {
  readonly changes: Map<string, string | null>;
  readonly written: Promise<void>;
}

/**
 * A storage with its content in memory: reads are immediate, so a state machine steps without waiting. Whatever a step
 * *causes* (an acknowledgement, a frame on the wire, an event) waits for `commit`.
 */
export class Records {
  readonly #storage: Storage;
  readonly #entries: Map<string, string>;
  /** The write that the storage is busy with. */
  #writing: Promise<void> | null = null;
  /** What was committed meanwhile, to be written at once when that one is done. */
  #next: PendingWrite | null = null;

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

  /**
   * Resolves once stored, in call order. A write takes milliseconds (it is synced to the disk), so what is committed
   * during one goes into the next write together, each commit still all or nothing.
   */
  commit(batch: Batch): Promise<void> {
    if (batch.changes.size === 0) return Promise.resolve();
    applyChanges(this.#entries, batch.changes);
    if (this.#next === null) {
      if (this.#writing === null) return this.#write(new Map(batch.changes));
      this.#next = this.#afterwards(this.#writing);
    }
    for (const [key, value] of batch.changes) this.#next.changes.set(key, value);
    return this.#next.written;
  }

  /** Writes what is committed, and lets go of the storage. */
  async close(): Promise<void> {
    while (this.#writing !== null) await this.#writing.catch(() => {});
    await this.#storage.close();
  }

  #write(changes: Changes): Promise<void> {
    const written = this.#storage.write(changes);
    this.#writing = written;
    const done = () => {
      if (this.#writing === written) this.#writing = null;
    };
    written.then(done, done);
    return written;
  }

  #afterwards(writing: Promise<void>): PendingWrite {
    const changes = new Map<string, string | null>();
    const write = () => {
      this.#next = null;
      return this.#write(changes);
    };
    // A write that failed is reported where it was asked for.
    return { changes, written: writing.then(write, write) };
  }
}
