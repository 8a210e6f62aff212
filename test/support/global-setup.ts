import { execFileSync } from 'node:child_process';

/** Builds what the end-to-end tests start as real processes, once for a whole run. */
export default function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
