import { indexedDbStorage, type Storage } from '../client/index.ts';

/** How far a message of ours is, or whether one of theirs was seen. */
export type Mark = 'waiting' | 'stored' | 'delivered' | 'read' | 'failed' | 'new' | 'seen';

export interface Entry {
  readonly id: string;
  readonly mine: boolean;
  readonly text: string;
  /** Milliseconds since 1970: of writing here, of arriving there. */
  readonly atMs: number;
  readonly mark: Mark;
}

/** Marks come in this order and never go back. */
const ORDER: readonly Mark[] = ['waiting', 'failed', 'stored', 'delivered', 'read'];

/** What was said, kept in this browser: key `<code>:<n>`, in order of n. */
export class History {
  readonly #storage: Storage;
  readonly #entries = new Map<string, Entry[]>();
  /** Of each entry, by code and id. */
  readonly #keys = new Map<string, string>();
  #next = 0;

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  static async open(): Promise<History> {
    const storage = indexedDbStorage('keyrelay-history', indexedDB);
    const history = new History(storage);
    const stored = [...(await storage.load())].sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [key, text] of stored) {
      const code = key.slice(0, key.indexOf(':'));
      history.#next = Math.max(history.#next, Number(key.slice(code.length + 1)) + 1);
      history.#remember(code, key, JSON.parse(text) as Entry);
    }
    return history;
  }

  /** Oldest first. */
  of(code: string): readonly Entry[] {
    return this.#entries.get(code) ?? [];
  }

  unread(code: string): number {
    return this.of(code).filter(({ mark }) => mark === 'new').length;
  }

  /** False if it is there already: a message may be handed over again if the page died while taking it. */
  async add(code: string, entry: Entry): Promise<boolean> {
    if (this.#keys.has(`${code}:${entry.id}`)) return false;
    const key = `${code}:${String(this.#next++).padStart(12, '0')}`;
    this.#remember(code, key, entry);
    await this.#storage.write(new Map([[key, JSON.stringify(entry)]]));
    return true;
  }

  /** Marks forward only: receipts may overtake each other. */
  async mark(code: string, id: string, mark: Mark): Promise<void> {
    const key = this.#keys.get(`${code}:${id}`);
    const entries = this.#entries.get(code) ?? [];
    const index = entries.findIndex((entry) => entry.id === id);
    const entry = entries[index];
    if (key === undefined || entry === undefined) return;
    if (ORDER.indexOf(mark) < ORDER.indexOf(entry.mark)) return;
    const marked = { ...entry, mark };
    entries[index] = marked;
    await this.#storage.write(new Map([[key, JSON.stringify(marked)]]));
  }

  #remember(code: string, key: string, entry: Entry): void {
    const entries = this.#entries.get(code) ?? [];
    this.#entries.set(code, entries);
    entries.push(entry);
    this.#keys.set(`${code}:${entry.id}`, key);
  }
}
