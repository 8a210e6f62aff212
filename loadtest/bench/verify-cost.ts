import { generateKeyPairSync, sign } from 'node:crypto';
import { libsodium, type Verifier } from '../../src/crypto/verifier.ts';
import { parsePublicKey, verifySignature } from '../../src/crypto/verify.ts';

const RUN_MS = 300;

/**
 * Microseconds of processor time that one verify takes on this machine now. By libsodium, whatever the nodes use, it is
 * the unit of every ratio.
 */
export function measureVerify(messageBytes: number, by: Verifier = libsodium): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = parsePublicKey(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'));
  const message = Buffer.alloc(messageBytes, 'a');
  const signature = sign(null, message, privateKey).toString('hex');
  const before = process.cpuUsage();
  const endMs = performance.now() + RUN_MS;
  let verified = 0;
  while (performance.now() < endMs) {
    for (let n = 0; n < 100; n += 1) if (verifySignature(key, message, signature, by)) verified += 1;
  }
  const used = process.cpuUsage(before);
  return (used.user + used.system) / verified;
}
