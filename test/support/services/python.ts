import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../../../src/cli/dev/install.ts';

const VENV = join(import.meta.dirname, '../../../.cache/python');
/** `cryptography` is for the vectors only: it has ML-KEM. */
const PACKAGES = ['websockets==17.4', 'pynacl==1.6.2', 'cryptography==50.0.2'];

/**
 * A Python that has what the client in docs/clients/python needs, in a virtual environment, made once.
 * Installs Debian's Python if there is none; throws with the command that would help where it may not, or where there
 * is no package index.
 */
export function pythonWithPackages(): string {
  const python = join(VENV, 'bin/python');
  try {
    if (!existsSync(python)) {
      // Debian's python3 alone cannot make virtual environments.
      if (!runs('python3', 'import ensurepip, venv')) {
        installPackages({ missing: 'Python with venv', packages: 'python3-venv' }, (line) =>
          console.log(line),
        );
      }
      execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'pipe' });
    }
    if (!runs(python, 'import cryptography, nacl.signing, websockets'))
      execFileSync(python, ['-m', 'pip', 'install', '-q', ...PACKAGES], { stdio: 'pipe' });
  } catch (error) {
    const needed = 'Python 3.9 or newer with venv and pip (on Debian: apt-get install python3-venv)';
    throw new Error(`The Python client cannot be tested: it needs ${needed}, and ${PACKAGES.join(', ')}.`, {
      cause: error,
    });
  }
  return python;
}

function runs(python: string, program: string): boolean {
  try {
    execFileSync(python, ['-c', program], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
