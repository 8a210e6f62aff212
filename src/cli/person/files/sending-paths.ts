import { readFile, rename, writeFile } from 'node:fs/promises';
import type { State } from '../account/state.ts';

/**
 * Where the files lie that were offered and have not arrived, by their ids: so that `listen` can go on with them after
 * `send` has ended.
 */
export class SendingPaths {
  readonly #file: string;
  readonly #paths: Map<string, string>;

  private constructor(file: string, paths: Map<string, string>) {
    this.#file = file;
    this.#paths = paths;
  }

  static async load(state: State): Promise<SendingPaths> {
    const file = state.path.replace(/\.state\.jsonl$/, '.sending.json');
    try {
      const paths = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
      return new SendingPaths(file, new Map(Object.entries(paths)));
    } catch {
      // Not there yet, or torn: only a convenience is lost.
      return new SendingPaths(file, new Map());
    }
  }

  get(id: string): string | undefined {
    return this.#paths.get(id);
  }

  async add(id: string, path: string): Promise<void> {
    this.#paths.set(id, path);
    await this.#write();
  }

  async remove(id: string): Promise<void> {
    if (this.#paths.delete(id)) await this.#write();
  }

  async #write(): Promise<void> {
    await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#paths)), { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }
}
