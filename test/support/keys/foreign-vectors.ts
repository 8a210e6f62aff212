import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = path.resolve(import.meta.dirname, '../../../../shared/vectors');

/**
 * Test vectors of others (Project Wycheproof; the speccheck set of "Taming the many EdDSAs"), which lie beside the
 * checkout and are not copied into it. Null where they are absent, but in CI they must be there.
 */
export function foreignVectors(file: string): unknown {
  const where = path.join(FOLDER, file);
  if (existsSync(where)) return JSON.parse(readFileSync(where, 'utf8'));
  if (process.env.CI)
    throw new Error(`${where} is missing: CI checks foreign test vectors, put them beside the checkout`);
  return null;
}
