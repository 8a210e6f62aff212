import { fromBase64, toBase64 } from '../../../crypto/base64.ts';
import { exchangeKeyProblem } from '../../../protocol/exchange-key.ts';
import { isDigest } from '../messages/derivation.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_KEY_BYTES } from './hybrid.ts';

/*
 * The payloads of `key_exchange` and `key_exchange_ack`, read as strictly as docs/protocol.md 6 says: a payload that is
 * not exactly of a version's shape is dropped, never taken for a lower version.
 */

/** Generations count up from 1; a peer cannot make them run out. */
const GENERATION_MAX = 2 ** 32;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A message inside a request, encrypted to keys that the responder has published. Keys in hex. */
export interface FirstMessage {
  /** The registered X25519 key. */
  readonly key: string;
  /** Of the batch that the next two are from, or for; null without them. */
  readonly generation: number | null;
  readonly prekey: string | null;
  readonly kemCiphertext: Uint8Array | null;
  /** Nonce (24 bytes) ‖ XChaCha20-Poly1305. */
  readonly box: Uint8Array;
}

/** What version 2 adds to a request. */
export interface RequestTerms {
  readonly kemPublicKey: Uint8Array | null;
  /** One more than that of the newest exchange that the initiator knows. */
  readonly generation: number;
  /** The newest exchange whose keys the initiator has; null if it has none. */
  readonly previous: string | null;
  /** The URL that the initiator dialled. */
  readonly audience: string;
  readonly atMs: number;
  readonly first: FirstMessage | null;
}

export interface RequestPayload {
  /** Lower-case hex. */
  readonly publicKey: string;
  /** Null for version 1. */
  readonly terms: RequestTerms | null;
}

/** What version 2 adds to an answer. */
interface AnswerTerms {
  readonly kemCiphertext: Uint8Array | null;
  /** Of this exchange: decides which of several to send under. */
  readonly generation: number;
  /** What became of the request's first message; null if it had none. */
  readonly first: 'opened' | 'unreadable' | null;
}

export interface AnswerPayload {
  readonly publicKey: string;
  readonly inReplyTo: string;
  readonly terms: AnswerTerms | null;
}

type Members = Readonly<Record<string, unknown>>;

export function writeRequest({ publicKey, terms }: RequestPayload): object {
  if (terms === null) return { ecdh_public_key: publicKey };
  const { kemPublicKey, generation, previous, audience, atMs, first } = terms;
  return {
    ecdh_public_key: publicKey,
    version: 2,
    ...(kemPublicKey === null ? {} : { kem_public_key: toBase64(kemPublicKey) }),
    generation,
    previous,
    audience,
    at: new Date(atMs).toISOString(),
    ...(first === null ? {} : { first: writeFirst(first) }),
  };
}

/** The member `first` of a request. */
export function writeFirst({ key, generation, prekey, kemCiphertext, box }: FirstMessage): object {
  return {
    key,
    ...(generation === null ? {} : { generation }),
    ...(prekey === null ? {} : { prekey }),
    ...(kemCiphertext === null ? {} : { kem_ciphertext: toBase64(kemCiphertext) }),
    ciphertext: toBase64(box),
  };
}

/** Null if it is malformed. */
export function readRequest(payload: unknown): RequestPayload | null {
  const members = (payload ?? {}) as Members;
  const publicKey = readExchangeKey(members.ecdh_public_key);
  if (publicKey === null) return null;
  if (members.version === undefined) return { publicKey, terms: null };
  const { version, generation, previous, audience, at } = members;
  const kemPublicKey = readOptional(members.kem_public_key, (value) =>
    readBytes(value, KEM_PUBLIC_KEY_BYTES),
  );
  const first = readOptional(members.first, readFirst);
  const sound =
    isVersion(version) &&
    isGeneration(generation) &&
    (previous === null || isDigest(previous)) &&
    typeof audience === 'string' &&
    isTime(at);
  if (!sound || kemPublicKey === undefined || first === undefined) return null;
  return {
    publicKey,
    terms: { kemPublicKey, generation, previous, audience, atMs: Date.parse(at), first },
  };
}

export function writeAnswer({ publicKey, inReplyTo, terms }: AnswerPayload): object {
  const plain = { ecdh_public_key: publicKey, in_reply_to: inReplyTo };
  if (terms === null) return plain;
  const { kemCiphertext, generation, first } = terms;
  return {
    ...plain,
    version: 2,
    ...(kemCiphertext === null ? {} : { kem_ciphertext: toBase64(kemCiphertext) }),
    generation,
    ...(first === null ? {} : { first }),
  };
}

/** Null if it is malformed. */
export function readAnswer(payload: unknown): AnswerPayload | null {
  const members = (payload ?? {}) as Members;
  const publicKey = readExchangeKey(members.ecdh_public_key);
  const inReplyTo = String(members.in_reply_to).toLowerCase();
  if (publicKey === null || !isDigest(inReplyTo)) return null;
  if (members.version === undefined) return { publicKey, inReplyTo, terms: null };
  const { version, generation, first = null } = members;
  const kemCiphertext = readOptional(members.kem_ciphertext, (value) =>
    readBytes(value, KEM_CIPHERTEXT_BYTES),
  );
  const known = first === null || first === 'opened' || first === 'unreadable';
  if (!isVersion(version) || !isGeneration(generation) || !known || kemCiphertext === undefined) return null;
  return { publicKey, inReplyTo, terms: { kemCiphertext, generation, first } };
}

function readFirst(value: unknown): FirstMessage | null {
  const members = (value ?? {}) as Members;
  const key = readExchangeKey(members.key);
  const generation = readOptional(members.generation, (value) => (isGeneration(value) ? value : null));
  const prekey = readOptional(members.prekey, readExchangeKey);
  const kemCiphertext = readOptional(members.kem_ciphertext, (text) => readBytes(text, KEM_CIPHERTEXT_BYTES));
  const box = typeof members.ciphertext === 'string' ? fromBase64(members.ciphertext) : null;
  if (key === null || box === null || generation === undefined) return null;
  if (prekey === undefined || kemCiphertext === undefined) return null;
  return { key, generation, prekey, kemCiphertext, box };
}

/** Null if absent, undefined if malformed. */
function readOptional<Value>(
  value: unknown,
  read: (value: unknown) => Value | null,
): Value | null | undefined {
  return value === undefined ? null : (read(value) ?? undefined);
}

/** Canonical, not of small order; in lower case. */
function readExchangeKey(value: unknown): string | null {
  return typeof value === 'string' && exchangeKeyProblem(value) === null ? value.toLowerCase() : null;
}

function readBytes(value: unknown, length: number): Uint8Array | null {
  const bytes = typeof value === 'string' ? fromBase64(value) : null;
  return bytes?.length === length ? bytes : null;
}

/** A later version is answered with this one. */
function isVersion(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 2;
}

function isGeneration(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= GENERATION_MAX;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value));
}
