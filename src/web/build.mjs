/**
 * Builds the page into dist/web: scripts and styles with a hash of their content in their names, so that browsers may
 * keep them for ever; a service worker that knows all names; everything compressed once, here, instead of at each load.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const FROM = import.meta.dirname;
const OUT = join(FROM, '../../dist/web');
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg', '.webmanifest']);

const common = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: OUT,
  logLevel: 'warning',
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });

const { metafile } = await build({
  ...common,
  entryPoints: [join(FROM, 'main.ts'), join(FROM, 'style.css')],
  splitting: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  metafile: true,
});
/** The built name of a source, such as `main-2Q4W5E6R.js`. */
const builtName = (source) => {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(source));
  if (found === undefined) throw new Error(`esbuild made nothing of ${source}`);
  return basename(found[0]);
};

const index = readFileSync(join(FROM, 'index.html'), 'utf8')
  .replace('/main.js', `/${builtName('web/main.ts')}`)
  .replace('/style.css', `/${builtName('web/style.css')}`);
writeFileSync(join(OUT, 'index.html'), index);
for (const name of readdirSync(FROM).filter((each) => /\.(?:svg|webmanifest)$/.test(each)))
  writeFileSync(join(OUT, name), readFileSync(join(FROM, name)));

const shell = readdirSync(OUT)
  .map((name) => (name === 'index.html' ? '/' : `/${name}`))
  .sort();
const version = createHash('sha256');
for (const name of readdirSync(OUT).sort()) version.update(name).update(readFileSync(join(OUT, name)));
await build({
  ...common,
  entryPoints: [join(FROM, 'service-worker.ts')],
  format: 'iife',
  define: { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(version.digest('hex').slice(0, 16)) },
});

for (const name of readdirSync(OUT)) {
  if (!COMPRESSED.has(extname(name))) continue;
  const bytes = readFileSync(join(OUT, name));
  const forms = {
    '.br': brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
    '.gz': gzipSync(bytes, { level: 9 }),
  };
  for (const [ending, form] of Object.entries(forms))
    if (form.length < bytes.length) writeFileSync(join(OUT, name + ending), form);
}
