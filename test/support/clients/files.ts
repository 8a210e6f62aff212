import type { FileSink, FileSource } from '../../../src/client/index.ts';

/** A file in memory, to send. */
export function fileOf(name: string, bytes: Uint8Array): FileSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** A place in memory for a file that comes. */
export class MemorySink implements FileSink {
  readonly bytes: Uint8Array;
  writes = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.writes += 1;
    this.bytes.set(bytes, offset);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.bytes.subarray(offset, offset + length);
  }
}
