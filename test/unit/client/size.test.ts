import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const SDK = join(import.meta.dirname, '../../../src/client/index.ts');

/** What a browser loads at once and what it loads later, minified and gzipped, in bytes. */
async function gzippedSizes(
  names: readonly string[],
): Promise<{ readonly atOnce: number; readonly later: number }> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export { ${names.join(', ')} } from ${JSON.stringify(SDK)};`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    splitting: true,
    outdir: '/',
    minify: true,
    format: 'esm',
    // A name of Node's in it fails the build: this platform has none.
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const sizes = new Map(
    outputFiles.map(({ path, contents }) => [path, gzipSync(contents, { level: 9 }).length]),
  );
  const atOnce = new Set<string>();
  const waiting = ['/stdin.js'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    atOnce.add(path);
    const imports = Object.entries(metafile.outputs).find(([name]) => `/${name}`.endsWith(path ?? ''))?.[1]
      .imports;
    for (const each of imports ?? []) {
      const imported = `/${each.path.split('/').at(-1)}`;
      if (each.kind === 'import-statement' && !atOnce.has(imported)) waiting.push(imported);
    }
  }
  const sum = (paths: readonly string[]) => paths.reduce((bytes, path) => bytes + (sizes.get(path) ?? 0), 0);
  return { atOnce: sum([...atOnce]), later: sum([...sizes.keys()].filter((path) => !atOnce.has(path))) };
}

/** What src/web imports. */
const PAGE = ['Relay', 'createIdentity', 'identityFrom', 'indexedDbStorage', 'readCode', 'ClientError'];
/** What else the SDK does in a browser. Left out: storage in a file, and the table of errors. */
const BESIDES = ['exportIdentity', 'importIdentity', 'safetyNumber', 'memoryStorage'];

test('what is not imported is not loaded', async () => {
  for (const name of ['safetyNumber', 'createIdentity', 'readCode']) {
    expect((await gzippedSizes([name])).atOnce, name).toBeLessThanOrEqual(11_000);
  }
});

test('what the page loads of the client is at most 56 kB, minified and gzipped; ML-KEM comes later, 7 kB', async () => {
  const page = await gzippedSizes(PAGE);
  const all = await gzippedSizes([...PAGE, ...BESIDES]);
  console.info(
    `client, gzipped: ${page.atOnce} bytes for the page, ${page.later} later; with everything for browsers ${all.atOnce}`,
  );
  expect(page.atOnce).toBeLessThanOrEqual(56_000);
  expect(all.atOnce).toBeLessThanOrEqual(58_500);
  expect(page.later).toBeGreaterThan(4_000);
  expect(page.later).toBeLessThanOrEqual(7_000);
});
