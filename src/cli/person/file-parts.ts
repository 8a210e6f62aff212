import { createHash } from 'node:crypto';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Json } from '../../client/index.ts';

/** One message of a file: its parts come in order, because all messages do. */
export interface FilePart {
  /** Without folders. */
  readonly file: string;
  readonly part: number;
  readonly parts: number;
  /** Of the whole file, in bytes. */
  readonly size: number;
  /** Of the whole file, hex: known from the last part on. */
  readonly sha256: string | null;
  /** Base64. */
  readonly data: string;
}

/** With base64 twice (here and in the ciphertext) and what stands around, under 64 KiB. */
const PART_BYTES = 30_000;

/** Reads a file in parts; a file that changes meanwhile does not arrive, because its digest is of what was read. */
export async function* readParts(path: string): AsyncGenerator<FilePart> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const parts = Math.max(1, Math.ceil(size / PART_BYTES));
    const digest = createHash('sha256');
    for (let part = 1; part <= parts; part++) {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(PART_BYTES),
        0,
        PART_BYTES,
        (part - 1) * PART_BYTES,
      );
      const bytes = buffer.subarray(0, bytesRead);
      digest.update(bytes);
      const sha256 = part === parts ? digest.digest('hex') : null;
      yield { file: basename(path), part, parts, size, sha256, data: bytes.toString('base64') };
    }
  } finally {
    await handle.close();
  }
}

export function isFilePart(body: Json): boolean {
  const { file, part, parts, size, data } = (body ?? {}) as Record<string, unknown>;
  return (
    typeof file === 'string' &&
    typeof data === 'string' &&
    [part, parts, size].every((value) => Number.isSafeInteger(value) && Number(value) >= 0)
  );
}

/** Puts files together, as they come from several people. Parts wait on disk: `.CODE-name.part`. */
export class FileSaver {
  readonly #folder: string;
  readonly #digests = new Map<string, { next: number; digest: ReturnType<typeof createHash> }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path of the finished file; null while parts are missing. Throws if it is not what was sent. */
  async take(from: string, part: FilePart): Promise<string | null> {
    // A name is a name, whatever the sender wrote: no way out of the folder, and nothing hidden.
    const name =
      basename(part.file)
        .replaceAll(/[^\p{L}\p{N} ._-]/gu, '_')
        .replace(/^\.+/, '') || 'file';
    const partial = join(this.#folder, `.${from}-${name}.part`);
    const state = part.part === 1 ? { next: 1, digest: createHash('sha256') } : this.#digests.get(partial);
    if (state === undefined || state.next !== part.part)
      throw new Error(`parts of ${name} from ${from} are missing`);
    const bytes = Buffer.from(part.data, 'base64');
    await mkdir(this.#folder, { recursive: true });
    await writeFile(partial, bytes, { flag: part.part === 1 ? 'w' : 'a', mode: 0o600 });
    state.digest.update(bytes);
    state.next += 1;
    this.#digests.set(partial, state);
    if (part.part < part.parts) return null;
    this.#digests.delete(partial);
    if (state.digest.digest('hex') !== part.sha256)
      throw new Error(`${name} from ${from} is not what was sent`);
    const path = join(this.#folder, `${from}-${name}`);
    await rename(partial, path);
    return path;
  }
}
