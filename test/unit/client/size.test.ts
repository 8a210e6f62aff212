import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const SDK = join(import.meta.dirname, '../../../src/client/index.ts');

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

/** What src/web imports. */
const PAGE = ['Relay', 'createIdentity', 'identityFrom', 'indexedDbStorage', 'readCode', 'ClientError'];
/** What else the SDK does in a browser; nothing is loaded later. Left out: storage in a file, and the table of errors. */
const BESIDES = ['exportIdentity', 'importIdentity', 'safetyNumber', 'memoryStorage'];

test('what is not imported is not loaded', async () => {
  for (const name of ['safetyNumber', 'createIdentity', 'readCode']) {
    expect(await gzippedSize([name]), name).toBeLessThanOrEqual(11_000);
  }
});

test('what the page loads of the client is at most 40 kB, minified and gzipped; all that runs in a browser 42.5 kB', async () => {
  const page = await gzippedSize(PAGE);
  const all = await gzippedSize([...PAGE, ...BESIDES]);
  console.info(`client, gzipped: ${page} bytes for the page; with everything for browsers ${all}`);
  expect(page).toBeLessThanOrEqual(40_000);
  expect(all).toBeLessThanOrEqual(42_500);
});
