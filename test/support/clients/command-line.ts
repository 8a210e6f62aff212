import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { MAIN } from '../servers/processes.ts';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
}

/** People who use `keyrelay` at one relay, each with an identity file in a temporary folder. */
export class CommandLine {
  readonly folder = mkdtempSync(join(tmpdir(), 'keyrelay-cli-'));
  readonly #url: () => string;
  readonly #running: ChildProcessWithoutNullStreams[] = [];

  constructor(url: () => string) {
    this.#url = url;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  start(
    who: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [MAIN, ...args, '--identity', this.path(who)], {
      env: { ...process.env, RELAY_URL: this.#url(), ...env },
    });
    this.#running.push(child);
    return child;
  }

  /** In a terminal of util-linux's `script`, as there is on every Debian. */
  startInTerminal(
    who: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): ChildProcessWithoutNullStreams {
    const words = [process.execPath, MAIN, ...args, '--identity', this.path(who)];
    const child = spawn('script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', RELAY_URL: this.#url(), ...env },
    });
    this.#running.push(child);
    return child;
  }

  /** Runs a command to its end. */
  async run(who: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const child = this.start(who, args, options.env);
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    return ended(child);
  }

  async codeOf(who: string): Promise<string> {
    const { out } = await this.run(who, ['identity', '--json']);
    return (JSON.parse(out) as { code: string }).code;
  }

  /** `listen`, once it listens. */
  async listening(who: string, args: readonly string[] = []): Promise<ChildProcessWithoutNullStreams> {
    const child = this.start(who, ['listen', ...args]);
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk) => String(chunk).includes('listening as') && resolve());
      child.once('exit', () => reject(new Error('listen has ended')));
    });
    return child;
  }

  async close(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Runs a command of no person to its end. */
export function keyrelay(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  child.stdin.end();
  return ended(child);
}

/** People whose commands end, and whose files go, behind the last test. */
export function commandLineForTests(url: () => string): CommandLine {
  const people = new CommandLine(url);
  afterAll(() => people.close());
  return people;
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const exited = new Promise<number | null>((resolve) => {
    if (child.exitCode === null && child.signalCode === null) child.once('exit', resolve);
    else resolve(child.exitCode);
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await exited, out, err };
}

/** Bytes of the file that is on its way into this folder. */
export async function partialBytes(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.part'));
  const sizes = names.map((name) => stat(join(folder, name)).then(({ size }) => size));
  // A part that has just become a file has gone.
  return Math.max(0, ...(await Promise.all(sizes).catch(() => [])));
}

/** What a program writes there, as it comes. */
export function written(...streams: readonly Readable[]): { readonly text: string } {
  const shown = { text: '' };
  for (const stream of streams) {
    stream.on('data', (chunk) => {
      shown.text += String(chunk);
    });
  }
  return shown;
}

/** The JSON lines of a text. */
export function jsonRows(text: string): Record<string, unknown>[] {
  const rows = text.trim().split('\n');
  return rows.map((row) => JSON.parse(row) as Record<string, unknown>);
}

/** The JSON lines of a program, once there are so many. */
export async function jsonLines(
  child: ChildProcessWithoutNullStreams,
  count: number,
): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let rest = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    found.push(
      ...parts
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    if (found.length >= count) break;
  }
  return found;
}
