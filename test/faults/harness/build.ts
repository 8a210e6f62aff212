import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Builds the relay into a folder of the suite's own, so that another build does not disturb a run of an hour, and so that mutants can be made of it. @returns the folder that stands for `dist`
 */
export function build(folder: string): string {
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  const info = join(folder, 'tsbuildinfo');
  execFileSync('npx', ['tsc', '-p', 'src/tsconfig.json', '--outDir', dist, '--tsBuildInfoFile', info], {
    stdio: 'inherit',
  });
  cpSync('src/engine/redis/lua', join(dist, 'engine/redis/lua'), { recursive: true });
  // The relay reads its version two folders above its own code.
  cpSync('package.json', join(folder, 'package.json'));
  return dist;
}

export function mainOf(dist: string): string {
  return join(dist, 'cli/main.js');
}
