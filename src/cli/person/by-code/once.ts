import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readIfThere } from '../account/identity-file.ts';
import type { Person } from '../options.ts';

/**
 * An identity for one transfer, and what has to survive of it when a side is interrupted. A person needs no identity before,
 * and none is left behind.
 */
export class Once<Data> {
  readonly person: Person;
  readonly #folder: string;
  #data: Data;

  private constructor(person: Person, folder: string, data: Data) {
    this.person = person;
    this.#folder = folder;
    this.#data = data;
  }

  /** `names` say what it is for: the same command finds it again. */
  static async open<Data>(person: Person, names: readonly string[], fresh: Data): Promise<Once<Data>> {
    const digest = createHash('sha256')
      .update([person.url, ...names].join('\0'))
      .digest('hex');
    const folder = join(dirname(person.identityFile), 'once', digest.slice(0, 16));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const text = await readIfThere(join(folder, 'transfer.json'));
    const data = text === null ? fresh : (JSON.parse(text) as Data);
    return new Once({ ...person, identityFile: join(folder, 'identity') }, folder, data);
  }

  get data(): Data {
    return this.#data;
  }

  async save(change: Partial<Data>): Promise<void> {
    this.#data = { ...this.#data, ...change };
    const path = join(this.#folder, 'transfer.json');
    await writeFile(`${path}.new`, JSON.stringify(this.#data), { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }

  /** It is over: nothing of it stays. */
  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
