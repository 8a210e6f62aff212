import * as fs from 'node:fs/promises';
import { createIdentity, exportIdentity, importIdentity } from 'keyrelay-client';

/** The identity in this file, encrypted under the passphrase; a new one the first time. */
export async function keptIdentity(path, passphrase) {
  try {
    return await importIdentity(await fs.readFile(path, 'utf8'), passphrase);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    const identity = createIdentity();
    // `wx`: never over an identity that is there: this file is its only copy.
    await fs.writeFile(path, await exportIdentity(identity, passphrase), { mode: 0o600, flag: 'wx' });
    return identity;
  }
}

/** From the environment, or the program ends. */
export function passphraseFromEnvironment() {
  const { PASSPHRASE } = process.env;
  if (PASSPHRASE) return PASSPHRASE;
  console.error('Set PASSPHRASE: it encrypts the identity on disk.');
  process.exit(2);
}
