/**
 * Versions and changelog of a release, in one place; docs/releasing.md goes through it.
 *   node deploy/release/release.mjs prepare 1.2.3    writes the version everywhere, and dates the changelog
 *   node deploy/release/release.mjs check v1.2.3     what a tag must find; says all that is wrong, exit code 1
 *   node deploy/release/release.mjs notes v1.2.3     that section of CHANGELOG.md
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = process.env.RELEASE_ROOT ?? join(import.meta.dirname, '../..');
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const read = (file) => readFileSync(join(ROOT, file), 'utf8');
const write = (file, text) => writeFileSync(join(ROOT, file), text);

/** Where a version stands, and how it is found there. */
const PLACES = [
  { file: 'package.json', pattern: /^( {2}"version": ")([^"]+)/m },
  { file: 'package-lock.json', pattern: /^( {2}"version": ")([^"]+)/m },
  { file: 'package-lock.json', pattern: /(\n {4}"": \{\n {6}"name": "keyrelay",\n {6}"version": ")([^"]+)/ },
  { file: 'deploy/helm/keyrelay/Chart.yaml', pattern: /^(version: )(\S+)/m },
  { file: 'deploy/helm/keyrelay/Chart.yaml', pattern: /^(appVersion: )(\S+)/m },
];

function prepare(version) {
  for (const { file, pattern } of PLACES) write(file, read(file).replace(pattern, `$1${version}`));
  const today = new Date().toISOString().slice(0, 10);
  const changelog = read('CHANGELOG.md');
  const [first] = /^## .*$/m.exec(changelog) ?? [];
  if (first?.endsWith('(unreleased)') !== true)
    throw new Error(`CHANGELOG.md must begin with "## <version> (unreleased)", not with "${first}"`);
  write('CHANGELOG.md', changelog.replace(first, `## ${version} (${today})`));
}

/** The text below the heading of a version; null without one. */
function section(version) {
  const parts = read('CHANGELOG.md').split(/^(?=## )/m);
  const found = parts.find((part) => part.startsWith(`## ${version} `));
  return found === undefined ? null : found.slice(found.indexOf('\n') + 1).trim();
}

function mistakes(version) {
  const found = PLACES.flatMap(({ file, pattern }) => {
    const there = pattern.exec(read(file))?.[2];
    return there === version ? [] : [`${file} says ${there}, not ${version}`];
  });
  const heading = new RegExp(`^## ${version.replaceAll('.', '\\.')} \\((.*)\\)$`, 'm').exec(
    read('CHANGELOG.md'),
  )?.[1];
  if (heading === undefined) found.push(`CHANGELOG.md has no section ## ${version} (<date>)`);
  else if (!/^\d{4}-\d\d-\d\d$/.test(heading)) found.push(`CHANGELOG.md: ${version} is dated "${heading}"`);
  if (section(version) === '') found.push(`CHANGELOG.md: the section of ${version} is empty`);
  return found;
}

const [task, given = ''] = process.argv.slice(2);
const version = given.replace(/^v/, '');
if (!VERSION.test(version)) throw new Error(`not a version: ${given}`);
if (task === 'prepare') {
  prepare(version);
  console.log(`${version}: now deploy/helm/render.sh, then commit, tag v${version} and push the tag`);
} else if (task === 'check') {
  const found = mistakes(version);
  for (const mistake of found) console.error(mistake);
  if (found.length > 0) process.exit(1);
  console.log(`${version}: versions and changelog agree`);
} else if (task === 'notes') {
  const text = section(version);
  if (text === null) throw new Error(`CHANGELOG.md has no section of ${version}`);
  console.log(text);
} else {
  throw new Error('prepare, check or notes');
}
