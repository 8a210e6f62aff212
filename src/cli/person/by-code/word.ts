import type { Json } from '../../../client/index.ts';

/** A file or a folder that is to come. */
export interface Listed {
  readonly name: string;
  /** In bytes; of a folder, that of its archive. */
  readonly size: number;
  readonly folder: boolean;
}

/** What sender and recipient of a code say to each other, as the body of a message, beside the files themselves. */
export type Word =
  /** Recipient: the first half of the proof that I know the words. */
  | { readonly type: 'share'; readonly share: string }
  /** Sender: the other half, and my proof. */
  | { readonly type: 'answer'; readonly share: string; readonly proof: string }
  /** Recipient: mine. */
  | { readonly type: 'proof'; readonly proof: string }
  /** Sender: this is what comes. */
  | { readonly type: 'files'; readonly files: readonly Listed[] }
  /** Either: it ends here. */
  | { readonly type: 'no'; readonly why: 'wrong' | 'taken' | 'declined' };

export function writeWord(word: Word): Json {
  return { by_code: word as unknown as Json };
}

const HEX_32 = /^[0-9a-f]{64}$/;

/** Null for anything else. */
export function readWord(body: Json): Word | null {
  const word = (body as { by_code?: unknown } | null)?.by_code as Record<string, unknown> | undefined;
  const { type, share, proof, files, why } = word ?? {};
  const [hasShare, hasProof] = [share, proof].map((text) => typeof text === 'string' && HEX_32.test(text));
  const isWord =
    (type === 'share' && hasShare) ||
    (type === 'answer' && hasShare && hasProof) ||
    (type === 'proof' && hasProof) ||
    (type === 'files' && Array.isArray(files) && files.length > 0 && files.every(isListed)) ||
    (type === 'no' && ['wrong', 'taken', 'declined'].includes(String(why)));
  return isWord ? (word as unknown as Word) : null;
}

function isListed(file: unknown): boolean {
  const { name, size, folder } = (file ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' && Number.isSafeInteger(size) && Number(size) >= 0 && typeof folder === 'boolean'
  );
}
