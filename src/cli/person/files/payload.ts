import { stat } from 'node:fs/promises';
import { ClientError } from '../../../client/errors.ts';
import { type DiskSource, openSource } from './disk-source.ts';
import { StandardInput } from './standard-input.ts';

/** A file, folder or pipe that is to be sent. */
export interface Item {
  readonly source: DiskSource;
  /** Null for what was piped in: nothing can go on with it later. */
  readonly path: string | null;
  /** Its archive is sent. */
  readonly folder: boolean;
}

/** What a `send` was given. */
export class Payload {
  readonly items: Item[] = [];
  /** Standard input that may go as a message. */
  text: string | null = null;
  #input: StandardInput | null = null;

  /** Opens everything, so that what is wrong with a file is said before anybody hears of anything. */
  static async open(files: readonly string[], name: string | undefined): Promise<Payload> {
    const payload = new Payload();
    try {
      for (const path of files.filter((each) => each !== '-')) await payload.#add(path);
      if (files.length === 0 || files.includes('-')) await payload.#read(name, files.includes('-'));
      return payload;
    } catch (error) {
      await payload.close();
      throw error;
    }
  }

  /** The text is too long for a message, or there are no messages. */
  async asFile(name: string): Promise<void> {
    if (this.#input === null) return;
    this.text = null;
    this.items.push({ source: await this.#input.source(name), path: null, folder: false });
  }

  async close(): Promise<void> {
    for (const { source } of this.items) await source.close();
    await this.#input?.remove();
  }

  async #add(path: string): Promise<void> {
    const folder = (await stat(path)).isDirectory();
    const source = folder ? await (await import('./folder.ts')).openFolder(path) : await openSource(path);
    // The archive of a folder is gone with this process: the same command makes it again, listen cannot.
    this.items.push({ source, path: folder ? null : path, folder });
  }

  async #read(name: string | undefined, asFile: boolean): Promise<void> {
    if (process.stdin.isTTY) console.error('Type what to send; Ctrl-D on a line of its own ends it.');
    this.#input = await StandardInput.read();
    this.text = this.#input.text;
    if (name !== undefined || asFile || this.text === null) await this.asFile(name ?? 'stdin');
  }
}

/** Whether what stands first on the command line is a file, or says what it should have been. */
export async function requireFile(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path.includes('/')) throw error;
    throw new ClientError(
      'invalid_argument',
      `${path} is no file here, and no code. A code is 7 letters and digits, such as E011T7D.`,
    );
  }
}
