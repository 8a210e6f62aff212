import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { createIdentity, type Identity, identityFrom, indexedDbStorage } from '../../client/index.ts';

const NAME = 'keyrelay-identity';

/** Made at the first visit; anybody who can read this browser's storage can act as this person. */
export async function loadIdentity(): Promise<Identity> {
  const storage = indexedDbStorage(NAME, indexedDB);
  const stored = (await storage.load()).get('identity');
  await storage.close();
  if (stored !== undefined)
    return identityFrom(hexToBytes(stored.slice(0, 64)), hexToBytes(stored.slice(64)));
  const identity = createIdentity();
  await keepIdentity(identity);
  return identity;
}

export async function keepIdentity({ signingKey, exchangeKey }: Identity): Promise<void> {
  const storage = indexedDbStorage(NAME, indexedDB);
  await storage.write(new Map([['identity', bytesToHex(signingKey) + bytesToHex(exchangeKey)]]));
  await storage.close();
}
