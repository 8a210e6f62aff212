import * as fs from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import {
  ClientError,
  type ClientErrorCode,
  createIdentity,
  exportIdentity,
  fileStorage,
  type Identity,
  identityFrom,
  importIdentity,
  Relay,
} from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Exit codes of the commands that talk as a person, beside those of every command. */
const EXIT_OF: Partial<Record<ClientErrorCode, number>> = {
  unreachable: 3,
  aborted: 3,
  user_unknown: 4,
  key_changed: 5,
  displaced: 6,
};

const OPTIONS = {
  url: { type: 'string' },
  identity: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export interface Person {
  readonly url: string;
  readonly identityFile: string;
  readonly json: boolean;
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<Own extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Own; strict: true; allowPositionals: true }>
>['values'];

/** The options of all these commands, those of one, and what stands behind them. */
export function parsePerson<const Own extends Options>(
  args: readonly string[],
  own: Own,
): { readonly person: Person; readonly values: Values<Own>; readonly positionals: readonly string[] } {
  try {
    const options = { ...OPTIONS, ...own };
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
    });
    const { url, identity, json } = values as { url?: string; identity?: string; json?: boolean };
    const person: Person = {
      url: url ?? (process.env.RELAY_URL || DEFAULT_URL),
      identityFile: identity ?? (process.env.KEYRELAY_IDENTITY || defaultIdentityFile()),
      json: json ?? false,
    };
    return { person, values: values as Values<Own>, positionals };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Does the work of a command, and turns what the SDK throws into words and an exit code. */
export async function asPerson(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    console.error(`keyrelay: ${error.message}`);
    return EXIT_OF[error.code] ?? EXIT.failed;
  }
}

/** At the end, for what was said last and for receipts. What is not through by then waits for the next time. */
const FLUSH_MS = 2_000;

/** Connects as this person; `done` lets go of everything. */
export async function connectAs(
  person: Person,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly relay: Relay; readonly identity: Identity; readonly done: () => Promise<void> }> {
  const identity = await loadIdentity(person.identityFile);
  const unlock = await lock(person.identityFile);
  try {
    const storage = fileStorage(`${person.identityFile}.state.jsonl`, fs);
    const relay = await Relay.connect(person.url, identity, { WebSocket, storage, ...options });
    const done = async () => {
      if (relay.state.state === 'live') await relay.flush({ signal: AbortSignal.timeout(FLUSH_MS) });
      await relay.close();
      await unlock();
    };
    return { relay, identity, done };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Reads the identity, or makes it: encrypted if there is a passphrase, and for its owner's eyes only. */
export async function loadIdentity(file: string): Promise<Identity> {
  const passphrase = process.env.KEYRELAY_PASSPHRASE ?? '';
  const text = await readIfThere(file);
  if (text === null) {
    const identity = createIdentity();
    const { signingKey, exchangeKey } = identity;
    const plain = `keyrelay-identity-plain:${hex(signingKey)}:${hex(exchangeKey)}`;
    const written = passphrase === '' ? plain : await exportIdentity(identity, passphrase);
    await fs.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await fs.writeFile(file, `${written}\n`, { mode: 0o600, flag: 'wx' });
    return identity;
  }
  const [, signing, exchange] = /^keyrelay-identity-plain:([0-9a-f]{64}):([0-9a-f]{64})\s*$/.exec(text) ?? [];
  if (signing !== undefined && exchange !== undefined) {
    return identityFrom(Buffer.from(signing, 'hex'), Buffer.from(exchange, 'hex'));
  }
  if (passphrase === '') throw new UsageError(`${file} is encrypted: set KEYRELAY_PASSPHRASE`);
  return importIdentity(text, passphrase);
}

/** Two processes with one identity would displace each other, and write over each other's state. */
async function lock(file: string): Promise<() => Promise<void>> {
  const path = `${file}.lock`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await fs.writeFile(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return () => fs.rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(await readIfThere(path));
      if (isRunning(pid)) {
        throw new ClientError('displaced', `${file} is in use by process ${pid}: end it, or use --identity.`);
      }
      await fs.rm(path, { force: true });
    }
  }
  throw new ClientError('displaced', `${path} cannot be taken: another process is just as quick.`);
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function defaultIdentityFile(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'keyrelay', 'identity');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
