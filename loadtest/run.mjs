// Bundles one program of this folder with esbuild and runs it: Node 20 does not run TypeScript by itself.
//   node loadtest/run.mjs bench/main.ts --seconds 5
import { cpSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) throw new Error('which program? for example: node loadtest/run.mjs bench/main.ts');

const folder = dirname(entry);
// Two levels below the root, as the sources are, so that they find dist/ and deploy/ by the same relative paths.
const outdir = resolve(here, '../.cache', folder === '.' ? 'loadtest' : `loadtest-${folder}`);
// Workers are programs of their own, beside the one that starts them.
const workers =
  folder === '.' ? [] : readdirSync(join(here, folder)).filter((file) => file.endsWith('worker.ts'));
await build({
  entryPoints: [join(here, entry), ...workers.map((file) => join(here, folder, file))],
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  outdir,
  outExtension: { '.js': '.mjs' },
  entryNames: '[name]',
  logLevel: 'warning',
});
// The Redis engine reads its scripts from beside the file that runs.
cpSync(resolve(here, '../src/engine/redis/lua'), join(outdir, 'lua'), { recursive: true });
process.argv.splice(1, process.argv.length, join(outdir, entry), ...args);
await import(pathToFileURL(join(outdir, `${entry.split('/').at(-1).replace(/\.ts$/, '')}.mjs`)).href);
