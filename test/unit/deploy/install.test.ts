import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { installPackages } from '../../../src/cli/dev/install.ts';
import { folderForTests } from '../../support/folder.ts';

const folder = folderForTests();
const noted = join(folder, 'calls');

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(noted);
});

/** An apt-get that does as the script says, and notes how it was called. */
function standIn(script: string): void {
  const path = join(folder, 'apt-get');
  writeFileSync(path, `#!/bin/sh\necho "$@" >> ${noted}\n${script}\n`);
  chmodSync(path, 0o755);
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
}
const calls = () => readFileSync(noted, 'utf8').trim().split('\n');
const ask = () => installPackages({ missing: 'tool', packages: 'some-package' }, () => {});

// Elsewhere nothing is installed, and the message says what would.
const may = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

it.runIf(may)('waits for another installation that holds the lock', () => {
  standIn(`[ "$(wc -l < ${noted})" -gt 1 ] && exit 0
    echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2; exit 100`);
  ask();
  expect(calls().map((line) => line.replace(/^.*-qq /, ''))).toEqual([
    'update',
    'update',
    'install -y --no-install-recommends some-package',
  ]);
});

it.runIf(may)('says why it could not install, and the command for it', () => {
  standIn('echo "E: Unable to locate package some-package" >&2; exit 100');
  expect(ask).toThrow(
    /could not install some-package: E: Unable to locate.*\nBy hand: apt-get install some-package/,
  );
  expect(calls()).toHaveLength(1);
});
