import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { throwIfAborted } from '../errors.ts';

/** Something that can be read at any place: a file to send. */
export interface FileSource {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Media type. */
  readonly type?: string;
  /** The bytes from `offset` on, `length` of them, or fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Where the parts of a file go as they come, in any order. Reading back is for the digest at the end. */
export interface FileSink {
  write(offset: number, bytes: Uint8Array): Promise<void>;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Hex SHA-256 of everything that was written, if there is a faster way than by `read`. */
  digest?(): Promise<string>;
}

/** The part of `Blob` that is needed: the SDK is compiled without the DOM's types. */
interface BlobLike {
  readonly size: number;
  readonly type: string;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** A `Blob` or `File` of the browser, or of Node, as a source. */
export function blobSource(blob: BlobLike, name: string): FileSource {
  return {
    name,
    size: blob.size,
    ...(blob.type === '' ? {} : { type: blob.type }),
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

const READ_BYTES = 1_048_576;

/** Hex SHA-256 of everything, a megabyte at a time. */
export async function digestOf(
  file: Pick<FileSource, 'read' | 'size'>,
  signal?: AbortSignal,
): Promise<string> {
  const hash = sha256.create();
  for (let offset = 0; offset < file.size; offset += READ_BYTES) {
    throwIfAborted(signal);
    hash.update(await file.read(offset, Math.min(READ_BYTES, file.size - offset)));
  }
  return bytesToHex(hash.digest());
}
