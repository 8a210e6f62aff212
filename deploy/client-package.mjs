/**
 * Makes the package of the client alone, dist/client-package, out of what `npm run build` has compiled: the SDK's
 * modules and those of protocol/ and crypto/ that they import, their types, and a package.json whose only
 * dependencies are those that these modules name.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const OUT = join(DIST, 'client-package');
const IMPORT = /(?:^(?:import|export)\s[^'"]*?from\s*|\bimport\()['"]([^'"]+)['"]/gm;

const { version, license, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Every module that is reached from the SDK's index, and every package that one of them names. */
function reach(entry) {
  const modules = new Set();
  const packages = new Set();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(file)) continue;
    modules.add(file);
    // Types import modules that the code does not.
    for (const each of [file, file.replace(/\.js$/, '.d.ts')]) {
      for (const [, name] of readFileSync(each, 'utf8').matchAll(IMPORT)) {
        if (name.startsWith('.')) waiting.push(join(dirname(each), name.replace(/\.ts$/, '.js')));
        else packages.add(name.split('/').slice(0, 2).join('/'));
      }
    }
  }
  return { modules: [...modules], packages: [...packages].sort() };
}

const { modules, packages } = reach(join(DIST, 'client/index.js'));
rmSync(OUT, { recursive: true, force: true });
for (const file of modules) {
  for (const each of [file, file.replace(/\.js$/, '.d.ts')]) {
    const to = join(OUT, relative(DIST, each));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, readFileSync(each, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  }
}

const foreign = packages.filter((name) => !name.startsWith('@noble/'));
if (foreign.length > 0)
  throw new Error(`the client may depend on @noble/* only, and imports ${foreign.join(', ')}`);
const manifest = {
  name: 'keyrelay-client',
  version,
  description: 'Client of keyrelay: signed, end-to-end encrypted envelopes, for browsers and Node',
  license,
  type: 'module',
  sideEffects: false,
  engines: { node: '>=20.19' },
  // For tools that know no `exports`.
  main: './client/index.js',
  types: './client/index.d.ts',
  exports: { '.': { types: './client/index.d.ts', default: './client/index.js' } },
  files: ['client', 'crypto', 'protocol'],
  dependencies: Object.fromEntries(packages.map((name) => [name, dependencies[name]])),
};
writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(ROOT, 'LICENSE'), join(OUT, 'LICENSE'));
// For readers who have only this package: its own name, and no links to documents that are not in it.
const readme = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8')
  .replaceAll("'keyrelay/client'", "'keyrelay-client'")
  .replace(/\[([^\]]+)\]\((?!https?:|#)[^)]+\)/g, '$1');
writeFileSync(join(OUT, 'README.md'), readme);
console.log(`${relative(ROOT, OUT)}: ${modules.length} modules, depends on ${packages.join(', ')}`);
