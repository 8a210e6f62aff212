import * as fs from 'node:fs/promises';
import { lookup, type User } from '../../../client/account/directory.ts';
import { endpointsOf } from '../../../client/account/endpoints.ts';
import type { Identity } from '../../../client/account/identity.ts';
import { ClientError } from '../../../client/errors.ts';
import type { Storage } from '../../../client/storage/storage.ts';
import { fileStorage } from '../../../client/storage/storage-file.ts';
import type { Person } from '../options.ts';
import { readIfThere } from './identity-file.ts';
import { sealedLines } from './sealed-lines.ts';

/** What must survive of one identity at one relay: another relay knows the same keys by another code. */
export interface State {
  readonly path: string;
  readonly storage: Storage;
  /** Puts it aside under another name, which it gives: the relay has forgotten this identity, and every code in it. */
  setAside(): Promise<string>;
  unlock(): Promise<void>;
}

function statePath({ identityFile, url }: Person): string {
  const { host } = new URL(endpointsOf(url).http);
  return `${identityFile}.${host.replaceAll(/[^\w.-]/g, '_')}.state.jsonl`;
}

/** Opens the state for this process alone. Throws `displaced` if another process has it. */
export async function openState(person: Person, identity: Identity): Promise<State> {
  const path = statePath(person);
  const unlock = await lock(path, person);
  try {
    await adoptOld(path, person, identity);
  } catch (error) {
    await unlock();
    throw error;
  }
  return {
    path,
    storage: fileStorage(path, sealedLines(fs, identity)),
    unlock,
    setAside: async () => {
      const aside = `${path}.forgotten-${new Date()
        .toISOString()
        .replaceAll(/[^0-9]/g, '')
        .slice(0, 14)}`;
      await fs.rename(path, aside);
      return aside;
    },
  };
}

/** The code that the state names, read without opening it: another process may be using it. */
export async function codeInState(person: Person, identity: Identity): Promise<string | null> {
  const path = statePath(person);
  if ((await readIfThere(path)) === null) return null;
  const lines = (await sealedLines(fs, identity).readFile(path, 'utf8')).split('\n');
  for (const line of lines.reverse()) {
    try {
      const { account } = JSON.parse(line) as { account?: string };
      if (typeof account === 'string') return (JSON.parse(account) as User).code;
    } catch {
      // A line that is being written.
    }
  }
  return null;
}

/** Once, there was one state for all relays: it belongs to the one that knows its code. */
async function adoptOld(path: string, person: Person, identity: Identity): Promise<void> {
  const old = `${person.identityFile}.state.jsonl`;
  if ((await readIfThere(path)) !== null || (await readIfThere(old)) === null) return;
  const account = (await fileStorage(old, sealedLines(fs, identity)).load()).get('account');
  if (account === undefined) return;
  const { code } = JSON.parse(account) as User;
  try {
    const { eddsaPublicKey } = await lookup(code, { endpoints: endpointsOf(person.url) });
    if (eddsaPublicKey === identity.eddsaPublicKey) await fs.rename(old, path);
  } catch (error) {
    // Another relay's. One that cannot be asked just now must not make a second code of it: that goes on to the user.
    if (!(error instanceof ClientError) || error.code !== 'user_unknown') throw error;
  }
}

/** Two processes with one identity at one relay would displace each other, and write over each other's state. */
async function lock(path: string, { identityFile }: Person): Promise<() => Promise<void>> {
  const lockPath = `${path}.lock`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await fs.writeFile(lockPath, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return () => fs.rm(lockPath, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(await readIfThere(lockPath));
      if (isRunning(pid)) {
        const words = `${identityFile} is in use by process ${pid}: end it, or use --identity.`;
        throw new ClientError('displaced', words);
      }
      await fs.rm(lockPath, { force: true });
    }
  }
  throw new ClientError('displaced', `${lockPath} cannot be taken: another process is just as quick.`);
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user runs, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
