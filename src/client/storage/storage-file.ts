import { ClientError } from '../errors.ts';
import { applyChanges, type Changes, type Storage } from './storage.ts';

/** The part of `node:fs/promises` that is needed: passed in, so that no browser bundle imports a Node module. */
export interface FileSystem {
  readFile(path: string, encoding: 'utf8'): Promise<string>;
  writeFile(path: string, text: string, options: { mode: number; flush: boolean }): Promise<void>;
  appendFile(path: string, text: string, options: { mode: number; flush: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

/** Only the owner may read the keys; `flush` is fsync (Node 20.10). */
const OPTIONS = { mode: 0o600, flush: true };
/** Journal lines before the file is rewritten. */
const LINES_BEFORE_COMPACTION = 5_000;
/** The same once keys of messages were used: they move on with each, and what they have opened must not stay for long. */
const LINES_BEFORE_USED_KEYS_GO = 64;
const EXCHANGE = 'exchange:';

/**
 * A journal of JSON lines, one per write, `{"key":"value or null", …}`: appended and flushed, so that a write is either
 * whole or (a torn last line) absent. Loading reads the journal and rewrites it without overwritten values, and so does a
 * write that drops keys.
 * For one process at a time.
 *
 *     import * as fs from 'node:fs/promises';
 *     const storage = fileStorage('alice.jsonl', fs);
 */
export function fileStorage(path: string, fs: FileSystem): Storage {
  const entries = new Map<string, string>();
  let lines = 0;
  /** A failed append may have left half a line; the next one must not continue it. */
  let torn = false;
  /** Lines before the last have keys of messages that were used. */
  let usedKeys = false;
  let last: Promise<void> = Promise.resolve();

  /** Runs writes one after the other; a failed one does not affect those behind it. */
  function inTurn(job: () => Promise<void>): Promise<void> {
    const done = last.then(job).catch((cause: unknown) => {
      throw new ClientError('storage_failed', `${path} cannot be written.`, { cause });
    });
    last = done.catch(() => {});
    return done;
  }

  /** Writes a second file and renames it: a crash leaves either the old file or the new one. */
  async function compact(): Promise<void> {
    await fs.writeFile(`${path}.new`, lineOf(entries), OPTIONS);
    await fs.rename(`${path}.new`, path);
    lines = 1;
    torn = false;
    usedKeys = false;
  }

  return {
    async load() {
      for (const changes of readJournal(await readIfThere(path, fs), path)) applyChanges(entries, changes);
      await inTurn(compact);
      return new Map(entries);
    },
    write: (changes) =>
      inTurn(async () => {
        if (torn) await compact();
        const drops = dropsExchange(entries, changes);
        usedKeys ||= [...changes.keys()].some((key) => key.startsWith(EXCHANGE));
        torn = true;
        await fs.appendFile(path, lineOf(changes), OPTIONS);
        torn = false;
        applyChanges(entries, changes);
        lines += 1;
        const linesMax = usedKeys ? LINES_BEFORE_USED_KEYS_GO : LINES_BEFORE_COMPACTION;
        if (drops || lines > linesMax) await compact();
      }),
    close: () =>
      inTurn(async () => {
        if (usedKeys) await compact();
      }),
  };
}

/**
 * Whether a write gives up the keys of a whole exchange, or those of a request. They are then removed from the file at once,
 * not only from its last line: a thief who gets hold of the file later must not read what was sent before.
 */
function dropsExchange(entries: ReadonlyMap<string, string>, changes: Changes): boolean {
  for (const [name, value] of changes) {
    if (!name.startsWith(EXCHANGE)) continue;
    const kept = idsOf(value);
    if (idsOf(entries.get(name) ?? null).some((id) => !kept.includes(id))) return true;
  }
  return false;
}

/** Of a stored exchange (keys/stored-exchange.ts): what it names its agreed keys and its requests by. */
function idsOf(stored: string | null): readonly string[] {
  const { sessions = [], pending = [] } = JSON.parse(stored ?? '{}') as Record<string, { id: string }[]>;
  return [...sessions, ...pending].map(({ id }) => id);
}

function lineOf(changes: Changes): string {
  return `${JSON.stringify(Object.fromEntries(changes))}\n`;
}

async function readIfThere(path: string, fs: FileSystem): Promise<string> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') return '';
    throw new ClientError('storage_failed', `${path} cannot be read.`, { cause });
  }
}

function* readJournal(text: string, path: string): Generator<Changes> {
  const lines = text.split('\n');
  // A crash tore whatever follows the last newline: that write never resolved.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    let changes: unknown;
    try {
      changes = JSON.parse(line);
    } catch (cause) {
      throw new ClientError(
        'storage_failed',
        `${path}, line ${index + 1} is not JSON: this is not a state file of keyrelay.`,
        {
          cause,
        },
      );
    }
    yield new Map(Object.entries(changes as Record<string, string | null>));
  }
}
