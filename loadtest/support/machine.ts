import { cpus } from 'node:os';
import { verifier } from '../../src/crypto/verifier.ts';

/** What figures were taken on, in one line. */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, Node ${process.versions.node}, ${verifier.library}`;
}
