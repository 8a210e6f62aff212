import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type DiskSource, openSource } from './disk-source.ts';

/** Longer than any message: what is longer goes as a file, and need not be kept as text. */
const TEXT_CHARACTERS_MAX = 1_000_000;

/** What was piped in, kept in a temporary file: it may be larger than the memory. */
export class StandardInput {
  readonly #folder: string;
  /** Null if it is not text: bytes are bytes. */
  readonly text: string | null;

  private constructor(folder: string, text: string | null) {
    this.#folder = folder;
    this.text = text;
  }

  static async read(): Promise<StandardInput> {
    const folder = await mkdtemp(join(tmpdir(), 'keyrelay-'));
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    let text: string | null = '';
    async function* look(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        if (text !== null && text.length <= TEXT_CHARACTERS_MAX) {
          try {
            text += decoder.decode(chunk, { stream: true });
          } catch {
            text = null;
          }
        }
        yield chunk;
      }
    }
    await pipeline(process.stdin, look, createWriteStream(join(folder, 'input'), { mode: 0o600 }));
    try {
      if (text !== null && text.length <= TEXT_CHARACTERS_MAX) text += decoder.decode();
    } catch {
      text = null;
    }
    return new StandardInput(folder, text);
  }

  source(name: string): Promise<DiskSource> {
    return openSource(join(this.#folder, 'input'), name);
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}
