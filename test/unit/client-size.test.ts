import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const SDK = join(import.meta.dirname, '../../src/client/index.ts');

/** What a browser loads, minified and gzipped, in bytes. */
async function gzippedSize(names: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { ${names.join(', ')} } from ${JSON.stringify(SDK)};`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error('esbuild made nothing');
  // A name of Node's in it would have failed the build: `platform: browser` has none.
  return gzipSync(bundle.contents, { level: 9 }).length;
}

// Of these, 20.7 kB are the curve, the hashes and the cipher (@noble).
const TALKING = ['Relay', 'createIdentity', 'identityFrom', 'indexedDbStorage', 'readCode', 'ClientError'];
const SEALING = ['exportIdentity', 'importIdentity'];

test('a page that talks loads at most 37.3 kB of client, and 2.6 kB more to keep identities under a passphrase', async () => {
  const talking = await gzippedSize(TALKING);
  const both = await gzippedSize([...TALKING, ...SEALING]);
  console.info(`client, gzipped: ${talking} bytes; with identities under a passphrase ${both}`);
  expect(talking).toBeLessThanOrEqual(37_300);
  expect(both - talking).toBeLessThanOrEqual(2_600);
});
