import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of the package that holds this file, whether it runs compiled or in a bundle of the tests or load tests.
 * @throws Error if no folder above holds a package.json
 */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder))
      throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`);
    folder = dirname(folder);
  }
  return folder;
}

/** Where deploy/ and dist/ are. */
export const ROOT = packageRoot();
