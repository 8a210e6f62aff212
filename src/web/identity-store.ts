import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { createIdentity, type Identity, identityFrom, indexedDbStorage } from '../client/index.ts';

/** Made at the first visit; whoever can read this browser's storage is this person. */
export async function loadIdentity(): Promise<Identity> {
  const storage = indexedDbStorage('keyrelay-identity', indexedDB);
  try {
    const stored = (await storage.load()).get('identity');
    if (stored !== undefined)
      return identityFrom(hexToBytes(stored.slice(0, 64)), hexToBytes(stored.slice(64)));
    const identity = createIdentity();
    const text = bytesToHex(identity.signingKey) + bytesToHex(identity.exchangeKey);
    await storage.write(new Map([['identity', text]]));
    return identity;
  } finally {
    await storage.close();
  }
}
