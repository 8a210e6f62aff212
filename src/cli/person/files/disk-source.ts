import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileSource } from '../../../client/index.ts';
import { UsageError } from '../../command.ts';

/** A file on disk, opened to be sent. */
export interface DiskSource extends FileSource {
  /** Hex SHA-256 of what it held when it was opened. */
  readonly sha256: string;
  close(): Promise<void>;
}

/** Opens a file and reads it once, for its digest. */
export async function openSource(path: string, name = basename(path)): Promise<DiskSource> {
  if ((await stat(path)).isDirectory()) throw new UsageError(`${path} is a folder, and this takes one file`);
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    return {
      name,
      size,
      sha256: await digestOfFile(path),
      ...readingFrom(handle),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads at any place of an open file. */
export function readingFrom(handle: FileHandle): Pick<FileSource, 'read'> {
  return {
    read: async (offset, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
  };
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
