import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { bytesToHex, concatBytes, hexToBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { ClientError, throwIfAborted } from '../errors.ts';
import { type Identity, identityFrom } from './identity.ts';

/**
 * An identity under a passphrase, as one line of text:
 * `keyrelay-identity-1:<log2 N>:<salt, 32 hex>:<nonce, 48 hex>:<ciphertext, 160 hex>`.
 * Key: scrypt (RFC 7914) of the NFKC passphrase, r 8, p 1, 32 bytes. Ciphertext: XChaCha20-Poly1305 of
 * signing key ‖ exchange key, with everything before the nonce as associated data.
 */
const HEADER = 'keyrelay-identity-1';
/** N = 2^17: 128 MiB and about half a second, OWASP's first choice for scrypt. */
const DEFAULT_COST_LOG2 = 17;
/** Bounds what an imported text can cost this machine: 2^20 is 1 GiB. `exportIdentity` never writes less than 2^14. */
const COST_LOG2_MIN = 14;
const COST_LOG2_MAX = 20;
const SEALED = /^keyrelay-identity-1:(\d\d):([0-9a-f]{32}):([0-9a-f]{48}):([0-9a-f]{160})$/;

export interface SealOptions {
  /** log2 of scrypt's N, 14 to 20; 17 by default. */
  readonly costLog2?: number;
  readonly signal?: AbortSignal;
}

/** The identity, encrypted under the passphrase, as one line of text to store or to move to another device. */
export async function exportIdentity(
  identity: Identity,
  passphrase: string,
  options: SealOptions = {},
): Promise<string> {
  const costLog2 = options.costLog2 ?? DEFAULT_COST_LOG2;
  if (!Number.isInteger(costLog2) || costLog2 < COST_LOG2_MIN || costLog2 > COST_LOG2_MAX) {
    throw new ClientError('invalid_argument', `costLog2 is a whole number from 14 to 20, not ${costLog2}.`);
  }
  const salt = randomBytes(16);
  const nonce = randomBytes(24);
  const head = `${HEADER}:${costLog2}:${bytesToHex(salt)}`;
  const key = await deriveKey({ passphrase, salt, costLog2, signal: options.signal });
  const secret = concatBytes(identity.signingKey, identity.exchangeKey);
  const sealed = xchacha20poly1305(key, nonce, utf8ToBytes(head)).encrypt(secret);
  return `${head}:${bytesToHex(nonce)}:${bytesToHex(sealed)}`;
}

/** Reads what `exportIdentity` wrote. Throws `identity_unreadable` for a wrong passphrase or any other text. */
export async function importIdentity(
  sealed: string,
  passphrase: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Identity> {
  const [, cost = '', salt = '', nonce = '', ciphertext = ''] = SEALED.exec(sealed.trim()) ?? [];
  const costLog2 = Number(cost);
  if (cost === '' || costLog2 < COST_LOG2_MIN || costLog2 > COST_LOG2_MAX) {
    throw new ClientError(
      'identity_unreadable',
      `An exported identity is one line that begins with ${HEADER}:.`,
    );
  }
  const key = await deriveKey({ passphrase, salt: hexToBytes(salt), costLog2, signal: options.signal });
  const head = utf8ToBytes(`${HEADER}:${cost}:${salt}`);
  let secret: Uint8Array;
  try {
    secret = xchacha20poly1305(key, hexToBytes(nonce), head).decrypt(hexToBytes(ciphertext));
  } catch (cause) {
    throw new ClientError('identity_unreadable', 'The passphrase is wrong, or the text was altered.', {
      cause,
    });
  }
  return identityFrom(secret.slice(0, 32), secret.slice(32, 64));
}

async function deriveKey(options: {
  passphrase: string;
  salt: Uint8Array;
  costLog2: number;
  signal: AbortSignal | undefined;
}): Promise<Uint8Array> {
  const { passphrase, salt, costLog2, signal } = options;
  if (passphrase === '') throw new ClientError('invalid_argument', 'The passphrase is empty.');
  throwIfAborted(signal);
  // scrypt calls this between slices of work: throwing here is the way to stop it.
  const onProgress = () => throwIfAborted(signal);
  // 128 · N · r bytes plus slack: noble's own limit must not refuse what COST_LOG2_MAX allows.
  const maxmem = 2 ** costLog2 * 1024 + 65_536;
  const text = passphrase.normalize('NFKC');
  return scryptAsync(text, salt, { N: 2 ** costLog2, r: 8, p: 1, dkLen: 32, maxmem, onProgress });
}
