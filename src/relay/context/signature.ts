import { hash } from 'node:crypto';
import { type PublicKey, verifySignature } from '../../crypto/verify.ts';
import type { RelayContext } from './relay-context.ts';

/** Whether `signature` is by `key` over exactly the bytes of `data`. Ed25519; timed. */
export function verifyTimed(
  { now, metrics }: Pick<RelayContext, 'now' | 'metrics'>,
  signed: { readonly key: PublicKey; readonly data: Uint8Array; readonly signature: string },
): boolean {
  const startedMs = now();
  const valid = verifySignature(signed.key, signed.data, signed.signature);
  metrics.verifySeconds.observe((now() - startedMs) / 1000);
  return valid;
}

/** Says which bytes were checked, so that the author of a client finds the difference. */
export function signatureDetail(data: Uint8Array): string {
  const sha256 = hash('sha256', data, 'hex');
  return `the signature does not verify over these ${data.length} bytes of data, whose SHA-256 is ${sha256}`;
}
