import { cpus } from 'node:os';

/** What figures were taken on, in one line. */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, Node ${process.versions.node}`;
}
