import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileSink } from '../../../client/index.ts';
import { digestOfFile, readingFrom } from './disk-source.ts';
import { numbered } from './saved-names.ts';

/** The place on disk where a file is put together. */
export class DiskSink implements FileSink {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** What was written before a restart is gone: the file has to come from its beginning. */
  readonly isNew: boolean;

  private constructor(path: string, handle: FileHandle, isNew: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.isNew = isNew;
  }

  static async open(path: string): Promise<DiskSink> {
    await mkdir(dirname(path), { recursive: true });
    try {
      return new DiskSink(path, await open(path, 'r+'), false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return new DiskSink(path, await open(path, 'wx+', 0o600), true);
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#handle.write(bytes, 0, bytes.length, offset);
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return readingFrom(this.#handle).read(offset, length);
  }

  digest(): Promise<string> {
    return digestOfFile(this.#path);
  }

  /** Cuts the file to its size, and gives it its name or the next that is free: nothing is written over. */
  async finish(path: string, size: number): Promise<string> {
    await this.#handle.truncate(size);
    await this.#handle.sync();
    await this.#handle.close();
    for (let number = 1; ; number++) {
      const to = number === 1 ? path : numbered(path, number);
      try {
        await moveTo(this.#path, to);
        return to;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  /** Closes it; what was written stays, to go on later. */
  close(): Promise<void> {
    return this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}

/** Renaming would write over what is there; a link does not. */
async function moveTo(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // File systems without hard links.
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
  await rm(from);
}
