import { indexedDbStorage, type Storage } from '../../client/index.ts';
import { Writer } from './writer.ts';

/**
 * - `friend`: started from here, or accepted
 * - `request`: wrote first, and waits for an answer
 * - `blocked`: the relay stores nothing of theirs, and what comes nevertheless is dropped here
 * - `before`: from before the relay was set up anew; can only be read
 */
export type Standing = 'friend' | 'request' | 'blocked' | 'before';

export interface Person {
  readonly standing: Standing;
  /** What this user calls them. */
  readonly name?: string;
  /** What they call themselves: a claim. */
  readonly claim?: string;
  /** Not in the list until they write again. */
  readonly hidden?: true;
  /** Hex of their identity key: their tile is drawn from it. */
  readonly key?: string;
  /** The safety number that was compared. */
  readonly verified?: string;
  /** The relay has been told to store nothing of theirs. */
  readonly blockedAtRelay?: true;
}

/** What this user has noted of each person: key is the code. */
export class People {
  readonly #storage: Storage;
  readonly #writer: Writer;
  #people = new Map<string, Person>();

  private constructor(storage: Storage, onBroken: (error: unknown) => void) {
    this.#storage = storage;
    this.#writer = new Writer(storage, onBroken);
  }

  static async open(onBroken: (error: unknown) => void): Promise<People> {
    const people = new People(indexedDbStorage('keyrelay-people', indexedDB), onBroken);
    await people.reload();
    return people;
  }

  async reload(): Promise<void> {
    const stored = await this.#storage.load();
    this.#people = new Map([...stored].map(([code, text]) => [code, JSON.parse(text) as Person]));
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  get codes(): string[] {
    return [...this.#people.keys()];
  }

  get(code: string): Person | undefined {
    return this.#people.get(code);
  }

  standing(code: string): Standing {
    return this.#people.get(code)?.standing ?? 'friend';
  }

  /** Changes what is given; `undefined` removes. */
  set(code: string, changes: { readonly [Key in keyof Person]?: Person[Key] | undefined }): Promise<void> {
    const merged = { standing: 'friend', ...this.#people.get(code), ...changes };
    const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
    const person = kept as unknown as Person;
    this.#people.set(code, person);
    return this.#writer.write(new Map([[code, JSON.stringify(person)]]));
  }

  /** The name to show: theirs from here, or their claim in quotes, or the code. */
  nameOf(code: string): string {
    const person = this.#people.get(code);
    if (person?.name !== undefined) return person.name;
    return person?.claim === undefined ? code : `“${person.claim}”`;
  }
}
