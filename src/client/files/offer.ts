/**
 * What a message says of the file that comes with it: the member `file` of its plaintext (docs/protocol.md 9). All of it
 * is the sender's claim, except that only a holder of `key` can make parts that open.
 */
export interface FileOffer {
  /** 32 hex digits, random: names the file between these two people. */
  readonly id: string;
  /** 64 hex digits, random: encrypts the parts of this file and nothing else. */
  readonly key: string;
  /** 1 to 255 characters; no folders. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Bytes of every part but the last. */
  readonly partBytes: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
  /** Media type, such as `image/png`. */
  readonly type?: string;
  /** A small picture of it, made by the sender: a `data:` URL of WebP, JPEG or PNG. */
  readonly preview?: string;
}

const NAME_CHARACTERS_MAX = 255;
/** 2^40: more would take weeks at a relay's default rate. */
const SIZE_MAX = 1_099_511_627_776;
const PART_BYTES_MIN = 256;
const PART_BYTES_MAX = 1_048_576;
/** Bounds the memory of what keeps account of the parts. */
const PARTS_MAX = 10_000_000;
/** Largest preview, as text: it travels inside the message. */
export const PREVIEW_CHARACTERS_MAX = 16_000;

/** Number of parts: an empty file has one, which is empty. */
export function partsOf({ size, partBytes }: Pick<FileOffer, 'size' | 'partBytes'>): number {
  return Math.max(1, Math.ceil(size / partBytes));
}

/** Bytes of part `part`, from 0. */
export function bytesOfPart(offer: FileOffer, part: number): number {
  return Math.min(offer.partBytes, offer.size - part * offer.partBytes);
}

/** As it is written into the plaintext. */
export function writeOffer({ partBytes, ...rest }: FileOffer): object {
  return { ...rest, part_bytes: partBytes };
}

/** Null if it is not a file that this client can take. */
export function readOffer(value: unknown): FileOffer | null {
  if (typeof value !== 'object' || value === null) return null;
  const {
    id,
    key,
    name,
    size,
    part_bytes: partBytes,
    sha256,
    type,
    preview,
  } = value as Record<string, unknown>;
  if (!isHex(id, 32) || !isHex(key, 64) || !isHex(sha256, 64)) return null;
  if (!isWhole(size, 0, SIZE_MAX) || !isWhole(partBytes, PART_BYTES_MIN, PART_BYTES_MAX)) return null;
  if (typeof name !== 'string' || partsOf({ size, partBytes }) > PARTS_MAX) return null;
  return {
    id,
    key,
    name: safeFileName(name),
    size,
    partBytes,
    sha256,
    ...(typeof type === 'string' && /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(type) ? { type } : {}),
    ...(isPreview(preview) ? { preview } : {}),
  };
}

/**
 * A name that is only a name, whatever the sender wrote: without folders, control characters, signs that turn the
 * direction of text (`exe.fdp` for `pdf.exe`), or a leading dot.
 */
export function safeFileName(name: string): string {
  const bare = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  const shown = bare
    .replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/^[.\s]+/, '');
  const cut = [...shown].slice(0, NAME_CHARACTERS_MAX).join('').trim();
  return cut === '' ? 'file' : cut;
}

function isPreview(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > PREVIEW_CHARACTERS_MAX) return false;
  return /^data:image\/(?:webp|jpeg|png);base64,[A-Za-z0-9+/]+={0,2}$/.test(value);
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}
