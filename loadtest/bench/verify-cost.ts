import { generateKeyPairSync, sign } from 'node:crypto';
import { parsePublicKey, verifySignature } from '../../src/crypto/verify.ts';

const RUN_MS = 300;

/** Microseconds of processor time that one verify takes on this machine now: the unit of every ratio. */
export function measureVerify(messageBytes: number): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = parsePublicKey(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'));
  const message = Buffer.alloc(messageBytes, 'a');
  const signature = sign(null, message, privateKey).toString('hex');
  const before = process.cpuUsage();
  const endMs = performance.now() + RUN_MS;
  let verified = 0;
  while (performance.now() < endMs) {
    for (let n = 0; n < 100; n += 1) if (verifySignature(key, message, signature)) verified += 1;
  }
  const used = process.cpuUsage(before);
  return (used.user + used.system) / verified;
}
