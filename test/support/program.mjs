// Bundles one TypeScript program with esbuild into .cache/programs and runs it: Node 20 does not run TypeScript.
import { cpSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUT = join(ROOT, '.cache/programs');

/** Runs the program that the command line names, a path below `folder`, with the arguments behind it. */
export async function runProgram(folder) {
  const [entry, ...args] = process.argv.slice(2);
  if (entry === undefined) throw new Error(`which program below ${folder}?`);
  const source = resolve(folder, entry);
  // Client processes are programs of their own.
  const workers = readdirSync(folder, { recursive: true }).filter((file) => /(^|\/)worker\.ts$/.test(file));
  await build({
    entryPoints: [source, ...workers.map((file) => join(folder, file))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outbase: ROOT,
    outdir: OUT,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  const program = join(OUT, relative(ROOT, source)).replace(/\.ts$/, '.mjs');
  // The Redis engine reads its scripts from beside the file that runs.
  cpSync(join(ROOT, 'src/engine/redis/lua'), join(dirname(program), 'lua'), { recursive: true });
  process.argv.splice(1, process.argv.length, program, ...args);
  await import(pathToFileURL(program).href);
}
