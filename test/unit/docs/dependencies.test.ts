import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The crates of the verifier in Rust, with their versions. */
const crates = new Map(
  [...read('src/crypto/native/Cargo.toml').matchAll(/^([a-z-]+) = (?:\{ version = )?"(=?[\d.]+)"/gm)]
    .map(([, name = '', version = '']): [string, string] => [name, version])
    .filter(([name]) => !['version', 'edition', 'rust-version'].includes(name)),
);

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly integrity?: string; readonly optional?: boolean }>>;
}

const manifest = JSON.parse(read('package.json')) as Manifest;

/** The first column of a section's table. */
function documented(section: string): string[] {
  const text =
    read('docs/dependencies.md')
      .split(/^## /m)
      .find((part) => part.startsWith(section)) ?? '';
  return [...text.matchAll(/^\| (`[^|]+`) \| \S/gm)]
    .flatMap(([, names = '']) => [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    .sort();
}

it('every dependency has its reason in docs/dependencies.md, and nothing else is there', () => {
  expect(documented('At run time')).toEqual(Object.keys(manifest.dependencies).sort());
  expect(documented('For building')).toEqual(Object.keys(manifest.devDependencies).sort());
  expect(documented('Of the verifier')).toEqual([...crates.keys()].sort());
});

it('every dependency is pinned to one version', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version, name).toMatch(/^(npm:@uwsjs\/core@)?\d+\.\d+\.\d+$/);
  }
  expect(crates.size).toBeGreaterThan(2);
  for (const [name, version] of crates) expect(version, name).toMatch(/^=\d+\.\d+\.\d+$/);
});

it('the lockfile has the SHA-512 of every package, but for optional ones of other platforms', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as Lockfile;
  const needed = Object.entries(packages).filter(([path, { optional }]) => path !== '' && optional !== true);
  expect(needed.length).toBeGreaterThan(50);
  for (const [path, { integrity }] of needed) expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
});
