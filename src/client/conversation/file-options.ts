import { bytesToHex, randomBytes } from '@noble/hashes/utils.js';
import { type FileOffer, safeFileName } from '../files/offer.ts';
import { digestOf, type FileSource } from '../files/source.ts';
import type { SendOptions } from './send-options.ts';

export interface SendFileOptions extends Omit<SendOptions, 'file'> {
  /** Text that goes with the file; its name, unless given. */
  readonly caption?: string;
  /** A small picture of it: a `data:` URL of WebP, JPEG or PNG, up to 16,000 characters. */
  readonly preview?: string;
  /** Hex SHA-256 of the file, if the program has it; otherwise the whole file is read for it first. */
  readonly sha256?: string;
}

/** More would only make a part that is lost dearer. */
const PART_BYTES_MAX = 98_304;
/** Around the base64 of a part in its frame: codes, ids, signature, in bytes, at most. */
const FRAME_BESIDES = 700;
/** Nonce and tag. */
const CIPHER_BESIDES = 40;

/** Largest part that fits into a frame of so many bytes, in multiples of 256. */
export function partBytesFor(maxFrameBytes: number): number {
  const ciphertext = Math.floor((maxFrameBytes - FRAME_BESIDES) / 4) * 3;
  return Math.min(PART_BYTES_MAX, Math.max(256, Math.floor((ciphertext - CIPHER_BESIDES) / 256) * 256));
}

/** Makes the offer of a file: a new id and key, and the digest. */
export async function makeOffer(
  source: FileSource,
  { preview, sha256, signal }: SendFileOptions,
  maxFrameBytes: number,
): Promise<FileOffer> {
  return {
    id: bytesToHex(randomBytes(16)),
    key: bytesToHex(randomBytes(32)),
    name: safeFileName(source.name),
    size: source.size,
    partBytes: partBytesFor(maxFrameBytes),
    sha256: sha256 ?? (await digestOf(source, signal)),
    ...(source.type === undefined ? {} : { type: source.type }),
    ...(preview === undefined ? {} : { preview }),
  };
}
