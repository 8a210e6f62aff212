import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Identity } from '../../../client/account/identity.ts';
import { ClientError } from '../../../client/errors.ts';
import type { FileSystem } from '../../../client/storage/storage-file.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const INFO = 'keyrelay/state/1';

/**
 * A file system for `fileStorage` whose lines are encrypted by a key that only the identity gives: base64 of nonce ‖
 * ciphertext ‖ tag. So the state is as safe as the identity file, and a copy of it alone says nothing. Lines of earlier
 * versions, which are plain JSON, are read too; the storage writes them anew when it is opened.
 */
export function sealedLines(fs: FileSystem, { signingKey, exchangeKey }: Identity): FileSystem {
  const secret = Buffer.concat([signingKey, exchangeKey]);
  const key = Buffer.from(hkdfSync('sha256', secret, new Uint8Array(32), INFO, 32));
  const seal = (text: string) => eachLine(text, (line) => sealLine(line, key));
  return {
    readFile: async (path) =>
      eachLine(await fs.readFile(path, 'utf8'), (line) => {
        if (line.startsWith('{')) return line;
        const opened = openLine(line, key);
        if (opened !== null) return opened;
        throw new ClientError('storage_failed', `${path} belongs to another identity, or was altered.`);
      }),
    writeFile: (path, text, options) => fs.writeFile(path, seal(text), options),
    appendFile: (path, text, options) => fs.appendFile(path, seal(text), options),
    rename: (from, to) => fs.rename(from, to),
  };
}

/** What follows the last newline is a line that a crash has torn: it stays as it is. */
function eachLine(text: string, change: (line: string) => string): string {
  const lines = text.split('\n');
  const torn = lines.pop() ?? '';
  return [...lines.map(change), torn].join('\n');
}

function sealLine(line: string, key: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  const ciphertext = Buffer.concat([cipher.update(line, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64');
}

function openLine(line: string, key: Buffer): string | null {
  const bytes = Buffer.from(line, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const plaintext = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return Buffer.concat(plaintext).toString('utf8');
  } catch {
    return null;
  }
}
