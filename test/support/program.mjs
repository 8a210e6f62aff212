// Bundles one TypeScript program with esbuild into .cache/programs and runs it: Node 20 does not run TypeScript.
import { cpSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Runs the program that the command line names, a path below `folder`, with the arguments behind it. */
export async function runProgram(folder) {
  const [entry, ...args] = process.argv.slice(2);
  if (entry === undefined) throw new Error(`which program below ${folder}?`);
  const source = resolve(folder, entry);
  const outdir = join(ROOT, '.cache/programs', relative(ROOT, dirname(source)));
  // Client processes are programs of their own, beside the one that starts them.
  const workers = readdirSync(dirname(source)).filter((file) => file.endsWith('worker.ts'));
  await build({
    entryPoints: [source, ...workers.map((file) => join(dirname(source), file))],
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
  cpSync(join(ROOT, 'src/engine/redis/lua'), join(outdir, 'lua'), { recursive: true });
  const program = join(outdir, basename(entry).replace(/\.ts$/, '.mjs'));
  process.argv.splice(1, process.argv.length, program, ...args);
  await import(pathToFileURL(program).href);
}
