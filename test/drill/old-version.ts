import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Builds another commit in .cache/old.
 * @param ref anything that git knows
 * @returns its dist/cli/main.js
 */
export function buildOld(ref: string): string {
  const run = (command: string, args: readonly string[], cwd = ROOT) =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  const commit = run('git', ['rev-parse', '--short', `${ref}^{commit}`]);
  const folder = join(ROOT, '.cache', 'old', commit);
  const main = join(folder, 'dist', 'cli', 'main.js');
  if (existsSync(main)) return main;
  mkdirSync(folder, { recursive: true });
  run('sh', ['-c', `git archive ${commit} | tar -xf - -C ${folder}`]);
  const lock = (root: string) => readFileSync(join(root, 'package-lock.json'), 'utf8');
  // Within this folder Node also finds the packages of the work tree.
  if (lock(folder) !== lock(ROOT)) run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], folder);
  run('npm', ['run', '--silent', 'build'], folder);
  return main;
}
