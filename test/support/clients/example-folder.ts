import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * A copy of docs/examples where `keyrelay-client` is what has been compiled, laid out as in its package; the other packages
 * are those of the checkout, in which the folder lies.
 */
export async function exampleFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const path = await mkdtemp(join(ROOT, '.cache/examples-'));
  await cp(join(ROOT, 'docs/examples'), path, { recursive: true });
  await writeFile(join(path, 'package.json'), '{"type":"module"}');
  const client = join(path, 'node_modules/keyrelay-client');
  await mkdir(client, { recursive: true });
  await writeFile(join(client, 'package.json'), '{"type":"module","exports":"./client/index.js"}');
  for (const part of ['client', 'crypto', 'protocol'])
    await symlink(join(ROOT, 'dist', part), join(client, part));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
