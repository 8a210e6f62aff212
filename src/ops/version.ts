import { readFileSync } from 'node:fs';

/** The version in package.json, which stands two folders above this file as source and as built. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const { version } = manifest as { version: string };
  return version;
}
