import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { createIdentity, type Identity, identityFrom } from '../../../client/account/identity.ts';
import { ClientError } from '../../../client/errors.ts';
import { UsageError } from '../../command.ts';
import { askPassphrase, givenPassphrase } from './passphrase.ts';

const PLAIN = /^keyrelay-identity-plain:([0-9a-f]{64}):([0-9a-f]{64})\s*$/;
const SEALED = 'keyrelay-identity-1:';

/** Reads the identity, or makes it: encrypted if a passphrase is given, and for its owner's eyes only. */
export async function loadIdentity(file: string): Promise<Identity> {
  const text = await readIfThere(file);
  if (text === null) {
    const identity = createIdentity();
    await writeIdentity(file, identity, givenPassphrase(), 'wx');
    return identity;
  }
  const [, signing, exchange] = PLAIN.exec(text) ?? [];
  if (signing !== undefined && exchange !== undefined) {
    return identityFrom(Buffer.from(signing, 'hex'), Buffer.from(exchange, 'hex'));
  }
  if (!text.startsWith(SEALED)) {
    throw new ClientError(
      'identity_unreadable',
      `${file} is not an identity of keyrelay: it is something else.`,
    );
  }
  const passphrase = await askPassphrase(`Passphrase of ${file}: `);
  if (passphrase === null) {
    throw new UsageError(
      `${file} is encrypted: set KEYRELAY_PASSPHRASE or KEYRELAY_PASSPHRASE_FILE, or type it at a terminal`,
    );
  }
  const { importIdentity } = await import('../../../client/account/sealed-identity.ts');
  return importIdentity(text, passphrase);
}

/** Writes it beside and renames: what was there is never half overwritten. `wx`: only if no file is there yet. */
export async function writeIdentity(
  file: string,
  identity: Identity,
  passphrase: string | null,
  flag: 'w' | 'wx',
): Promise<void> {
  const { signingKey, exchangeKey } = identity;
  let written = `keyrelay-identity-plain:${hex(signingKey)}:${hex(exchangeKey)}`;
  if (passphrase !== null) {
    const { exportIdentity } = await import('../../../client/account/sealed-identity.ts');
    written = await exportIdentity(identity, passphrase);
  }
  await fs.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const path = flag === 'wx' ? file : `${file}.new`;
  await fs.writeFile(path, `${written}\n`, { mode: 0o600, flag });
  if (path !== file) await fs.rename(path, file);
}

export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
