import { execFileSync } from 'node:child_process';

/**
 * Builds what the tests start as real processes, once for a whole run.
 * `KEYRELAY_PREBUILT=1` takes dist as it is, for repeated runs of one file.
 */
export default function setup(): void {
  if (process.env.KEYRELAY_PREBUILT === '1') return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
