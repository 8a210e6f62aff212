import { type FileOffer, indexedDbStorage, type Storage } from '../../client/index.ts';
import { Writer } from './writer.ts';

/** How far a message of ours is, or whether one of theirs was seen. */
export type Mark = 'waiting' | 'stored' | 'delivered' | 'read' | 'failed' | 'new' | 'seen';

export interface Entry {
  readonly id: string;
  readonly mine: boolean;
  readonly text: string;
  /** Milliseconds since 1970: when it was written, by the writer's clock. */
  readonly atMs: number;
  /** When a message of theirs came here. */
  readonly cameMs?: number;
  readonly mark: Mark;
  /** It came after messages that were sent after it. */
  readonly late?: true;
  /** Id of the message that this one answers. */
  readonly replyTo?: string;
  readonly file?: FileOffer;
  /** It disappears so many seconds after it was seen, or after the relay has stored it. */
  readonly expiresS?: number;
  /** When it disappears, once that is known. */
  readonly goneAtMs?: number;
  /** A note of the page, which neither of the two wrote. */
  readonly note?: true;
  /** Why it has failed, in words. */
  readonly why?: string;
}

/** Marks come in this order and never go back. */
const ORDER: readonly Mark[] = ['waiting', 'failed', 'stored', 'delivered', 'read'];

/** Marks from which the time of a message that disappears runs: theirs are seen, ours are sent. */
const RUNNING: ReadonlySet<Mark> = new Set(['stored', 'delivered', 'read', 'seen']);

interface Place {
  readonly key: string;
  entry: Entry;
}

/** Everything between this person and one other, oldest first. */
class Talk {
  readonly entries: Entry[] = [];
  readonly places = new Map<string, Place>();
  /** When each disappears, by id; those alone whose time runs. */
  readonly goneAtMs = new Map<string, number>();
  unread = 0;
}

/** What was said, kept in this browser: key `<code>:<n>`, in order of n. Reads are immediate; writes follow. */
export class History {
  readonly #storage: Storage;
  readonly #writer: Writer;
  #talks = new Map<string, Talk>();
  #next = 0;

  private constructor(storage: Storage, onBroken: (error: unknown) => void) {
    this.#storage = storage;
    this.#writer = new Writer(storage, onBroken);
  }

  static async open(onBroken: (error: unknown) => void): Promise<History> {
    const history = new History(indexedDbStorage('keyrelay-history', indexedDB), onBroken);
    await history.reload();
    return history;
  }

  /** Reads all of it again: another tab has written. */
  async reload(): Promise<void> {
    const stored = [...(await this.#storage.load())].sort(([left], [right]) => (left < right ? -1 : 1));
    this.#talks = new Map();
    this.#next = 0;
    for (const [key, text] of stored) {
      const code = key.slice(0, key.indexOf(':'));
      this.#next = Math.max(this.#next, Number(key.slice(code.length + 1)) + 1);
      this.#remember(code, { key, entry: JSON.parse(text) as Entry });
    }
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Codes with which something was said. */
  get codes(): string[] {
    return [...this.#talks].filter(([, { entries }]) => entries.length > 0).map(([code]) => code);
  }

  /** Oldest first. */
  of(code: string): readonly Entry[] {
    return this.#talks.get(code)?.entries ?? [];
  }

  get(code: string, id: string): Entry | undefined {
    return this.#talks.get(code)?.places.get(id)?.entry;
  }

  unread(code: string): number {
    return this.#talks.get(code)?.unread ?? 0;
  }

  /** False if it is there already: a message may be handed over again if the page died while taking it. */
  add(code: string, entry: Entry): boolean {
    if (this.get(code, entry.id) !== undefined) return false;
    const key = `${code}:${String(this.#next++).padStart(12, '0')}`;
    this.#remember(code, { key, entry });
    void this.#writer.write(new Map([[key, JSON.stringify(entry)]]));
    return true;
  }

  /** Resolves once everything so far is stored. */
  async stored(): Promise<void> {
    await this.#writer.write(new Map());
  }

  /** Marks forward only: receipts may overtake each other. Null if nothing has changed. `why` says why it has failed. */
  mark(code: string, id: string, mark: Mark, why?: string): Entry | null {
    const entry = this.get(code, id);
    if (entry === undefined || ORDER.indexOf(mark) < ORDER.indexOf(entry.mark)) return null;
    const { why: _, ...rest } = entry;
    return this.#change(code, { ...rest, mark, ...(why === undefined ? {} : { why }) });
  }

  /** Every message of theirs up to this one counts as seen. */
  seenUpTo(code: string, id: string): void {
    const entries = this.of(code);
    const last = entries.findLastIndex((entry) => entry.id === id);
    for (let index = last; index >= 0 && this.unread(code) > 0; index--) {
      const entry = entries[index];
      if (entry?.mark === 'new') this.#change(code, { ...entry, mark: 'seen' });
    }
  }

  /** Messages whose time is over, by code. */
  expired(nowMs: number): [string, Entry[]][] {
    return [...this.#talks].flatMap(([code, talk]): [string, Entry[]][] => {
      const ids = [...talk.goneAtMs].filter(([, atMs]) => atMs <= nowMs).map(([id]) => id);
      return ids.length === 0 ? [] : [[code, ids.flatMap((id) => talk.places.get(id)?.entry ?? [])]];
    });
  }

  /** The message has got its id, and what belongs to it. */
  rename(code: string, id: string, newId: string, file?: FileOffer): Entry | null {
    const talk = this.#talks.get(code);
    const place = talk?.places.get(id);
    if (talk === undefined || place === undefined) return null;
    talk.places.delete(id);
    talk.places.set(newId, place);
    const named = { ...place.entry, id: newId, ...(file === undefined ? {} : { file }) };
    talk.entries[talk.entries.lastIndexOf(place.entry)] = named;
    place.entry = named;
    void this.#writer.write(new Map([[place.key, JSON.stringify(named)]]));
    return named;
  }

  remove(code: string, id: string): void {
    const talk = this.#talks.get(code);
    const place = talk?.places.get(id);
    if (talk === undefined || place === undefined) return;
    talk.entries.splice(talk.entries.indexOf(place.entry), 1);
    talk.places.delete(id);
    talk.goneAtMs.delete(id);
    if (place.entry.mark === 'new') talk.unread -= 1;
    void this.#writer.write(new Map([[place.key, null]]));
  }

  removeAll(code: string): void {
    const places = this.#talks.get(code)?.places.values() ?? [];
    void this.#writer.write(new Map([...places].map(({ key }) => [key, null])));
    this.#talks.delete(code);
  }

  #change(code: string, changed: Entry): Entry {
    const talk = this.#talks.get(code);
    const place = talk?.places.get(changed.id);
    if (talk === undefined || place === undefined) return changed;
    const { expiresS, goneAtMs } = changed;
    const begins = expiresS !== undefined && goneAtMs === undefined && RUNNING.has(changed.mark);
    const entry = begins ? { ...changed, goneAtMs: Date.now() + expiresS * 1000 } : changed;
    if (entry.goneAtMs !== undefined) talk.goneAtMs.set(entry.id, entry.goneAtMs);
    // The newest change most: look from the end.
    talk.entries[talk.entries.lastIndexOf(place.entry)] = entry;
    if (place.entry.mark === 'new') talk.unread -= 1;
    if (entry.mark === 'new') talk.unread += 1;
    place.entry = entry;
    void this.#writer.write(new Map([[place.key, JSON.stringify(entry)]]));
    return entry;
  }

  #remember(code: string, place: Place): void {
    const talk = this.#talks.get(code) ?? new Talk();
    this.#talks.set(code, talk);
    talk.entries.push(place.entry);
    talk.places.set(place.entry.id, place);
    if (place.entry.goneAtMs !== undefined) talk.goneAtMs.set(place.entry.id, place.entry.goneAtMs);
    if (place.entry.mark === 'new') talk.unread += 1;
  }
}
