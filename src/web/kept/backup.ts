import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import {
  ClientError,
  exportIdentity,
  type Identity,
  importIdentity,
  indexedDbStorage,
} from '../../client/index.ts';
import { keepIdentity } from './identity.ts';
import { changeSettings, readSettings, type Settings } from './settings.ts';

/**
 * A backup is two lines of text. The first is the identity under the passphrase, as `keyrelay identity --import` reads
 * it; the second is everything that was said, compressed and encrypted under a key that follows from the identity:
 * `keyrelay-backup-1:<nonce, 48 hex>:<base64 of XChaCha20-Poly1305>`. Key: HKDF-SHA-256 of the signing key.
 */
const HEADER = 'keyrelay-backup-1';
const SEALED = /^keyrelay-backup-1:([0-9a-f]{48}):([A-Za-z0-9+/]+={0,2})$/;

/** Databases of the page, each of which is one storage of texts. */
const KEPT = ['keyrelay-history', 'keyrelay-people'] as const;

interface Content {
  readonly databases: Readonly<Record<string, readonly (readonly [string, string])[]>>;
  readonly settings: Settings;
}

/** Identity, names and history of this browser, under a passphrase. Files are not in it. */
export async function exportEverything(identity: Identity, passphrase: string): Promise<string> {
  const databases: Record<string, [string, string][]> = {};
  for (const name of KEPT) databases[name] = [...(await loaded(name))];
  const content: Content = { databases, settings: readSettings() };
  const packed = await through(new CompressionStream('gzip'), utf8ToBytes(JSON.stringify(content)));
  const nonce = randomBytes(24);
  const sealed = cipher(identity, nonce).encrypt(packed);
  return `${await exportIdentity(identity, passphrase)}\n${HEADER}:${bytesToHex(nonce)}:${await toBase64(sealed)}\n`;
}

export interface Backup {
  readonly identity: Identity;
  /** Null if the file has an identity alone. */
  readonly content: Content | null;
}

/** Throws `identity_unreadable` for a wrong passphrase, or anything that is no backup. */
export async function readBackup(text: string, passphrase: string): Promise<Backup> {
  const [first = '', second = ''] = text.trim().split(/\r?\n/);
  const identity = await importIdentity(first, passphrase);
  return { identity, content: second === '' ? null : await opened(identity, second) };
}

/** Replaces this browser's identity and history. */
export async function takeOver({ identity, content }: Backup): Promise<void> {
  for (const name of KEPT) await replace(name, content?.databases[name] ?? []);
  if (content !== null) changeSettings(content.settings);
  await keepIdentity(identity);
}

async function opened(identity: Identity, line: string): Promise<Content> {
  const [, nonce, sealed] = SEALED.exec(line) ?? [];
  try {
    if (nonce === undefined || sealed === undefined) throw new Error('not a backup');
    const bytes = Uint8Array.from(atob(sealed), (character) => character.charCodeAt(0));
    const packed = cipher(identity, hexToBytes(nonce)).decrypt(bytes);
    const unpacked = await through(new DecompressionStream('gzip'), packed);
    return JSON.parse(new TextDecoder().decode(unpacked)) as Content;
  } catch (cause) {
    throw new ClientError('identity_unreadable', 'This file is damaged, or is not a backup of keyrelay.', {
      cause,
    });
  }
}

function cipher({ signingKey }: Identity, nonce: Uint8Array) {
  const key = hkdf(sha256, signingKey, undefined, utf8ToBytes('keyrelay/backup/1'), 32);
  return xchacha20poly1305(key, nonce, utf8ToBytes(HEADER));
}

async function loaded(name: string): Promise<ReadonlyMap<string, string>> {
  const storage = indexedDbStorage(name, indexedDB);
  try {
    return await storage.load();
  } finally {
    await storage.close();
  }
}

async function replace(name: string, entries: readonly (readonly [string, string])[]): Promise<void> {
  const storage = indexedDbStorage(name, indexedDB);
  try {
    const changes = new Map<string, string | null>();
    for (const key of (await storage.load()).keys()) changes.set(key, null);
    for (const [key, value] of entries) changes.set(key, value);
    await storage.write(changes);
  } finally {
    await storage.close();
  }
}

async function through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const out = new Blob([bytes.slice()]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(out).arrayBuffer());
}

/** `btoa` of a long history would need one argument for each byte. */
function toBase64(bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).slice(String(reader.result).indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([bytes.slice()]));
  });
}
