import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const VENV = join(import.meta.dirname, '../../.cache/python');
const PACKAGES = ['websockets==17.4', 'pynacl==1.6.2'];

/**
 * A Python that has what the client in docs/clients/python needs, in a virtual environment of its own, made once.
 * Throws with the command that would help where there is no Python, or no package index.
 */
export function pythonWithPackages(): string {
  const python = join(VENV, 'bin/python');
  try {
    if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'pipe' });
    if (!hasPackages(python))
      execFileSync(python, ['-m', 'pip', 'install', '-q', ...PACKAGES], { stdio: 'pipe' });
  } catch (error) {
    const needed = 'Python 3.9 or newer with venv and pip (on Debian: apt-get install python3-venv)';
    throw new Error(
      `The Python client cannot be tested: it needs ${needed}, and ${PACKAGES.join(' and ')}.`,
      {
        cause: error,
      },
    );
  }
  return python;
}

function hasPackages(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import nacl.signing, websockets'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
