import { stat } from 'node:fs/promises';
import { ClientError } from '../../client/errors.ts';
import type { Conversation, Message } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { stopSignal } from '../signals.ts';
import type { Session } from './account/connect.ts';
import { asPerson } from './exit-codes.ts';
import { openSource } from './files/disk-source.ts';
import { saveFile } from './files/file-saver.ts';
import { LegacyFiles, readLegacyPart } from './files/legacy-file.ts';
import { placeFrom } from './files/saved-names.ts';
import { SendingPaths } from './files/sending-paths.ts';
import { parsePerson, positiveNumber } from './options.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    count: { type: 'string' },
    save: { type: 'string' },
  });
  if (positionals.length > 0) throw new UsageError(`listen takes no ${positionals[0]}`);
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : positiveNumber('count', values.count);
  const stopped = stopSignal(() => {});

  return asPerson(async () => {
    const { connectAs, forget } = await import('./account/connect.ts');
    let left = count;
    for (;;) {
      const session = await connectAs(person, { answersStrangers: true });
      // A script that waits for this line knows from then on that mail will come, and where to.
      console.error(`listening as ${session.relay.code} at ${person.url}`);
      const listener = new Listener(session, values.save ?? null, left);
      const end = await Promise.race([listener.ended, stopped.then(() => 'stopped' as const)]);
      left = listener.left;
      if (end === 'account_gone') await forget(session.state, session.relay.code);
      await session.done(end === 'stopped');
      if (end !== 'account_gone') return EXIT.ok;
    }
  });
}

/** Prints what comes to one session, and saves and sends the files that are on their way. */
class Listener {
  /** Lines that are still to be printed. */
  left: number;
  readonly ended: Promise<'enough' | 'account_gone'>;
  readonly #session: Session;
  readonly #folder: string | null;
  readonly #legacy: LegacyFiles | null;
  /** Files in hand: one that waited since before the start comes with its message, too. */
  readonly #saving = new Set<string>();
  #finish = (_: 'enough' | 'account_gone') => {};
  #fail = (_: unknown) => {};

  constructor(session: Session, folder: string | null, left: number) {
    this.#session = session;
    this.#folder = folder;
    this.left = left;
    this.#legacy = folder === null ? null : new LegacyFiles(folder);
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    const { relay } = session;
    const begin = (conversation: Conversation) => {
      this.#listen(conversation).catch(this.#fail);
      this.#goOn(conversation).catch(this.#fail);
    };
    relay.on('conversation', ({ conversation }) => begin(conversation));
    for (const conversation of relay.conversations) begin(conversation);
    relay.on('state', (state) => {
      if (state.state !== 'ended' || state.error.code === 'closed') return;
      if (state.error.code === 'account_gone') this.#finish('account_gone');
      else this.#fail(state.error);
    });
  }

  async #listen(conversation: Conversation): Promise<void> {
    for await (const message of conversation) {
      const { id, at, body, file } = message;
      const from = conversation.code;
      if (file !== undefined && this.#folder !== null) {
        // Not waited for: messages overtake files.
        void this.#save(conversation, file.id, { id, at }, this.#folder);
        continue;
      }
      const line =
        file === undefined ? await this.#describe(from, message) : { from, id, at, body, file: about(file) };
      const expires = message.expiresS === undefined ? {} : { expiresS: message.expiresS };
      if (line !== null) await this.#print({ ...line, ...expires }, message.markRead);
    }
  }

  /** What was begun before a restart, in both directions. */
  async #goOn(conversation: Conversation): Promise<void> {
    const paths = await SendingPaths.load(this.#session.state);
    for (const { file, direction, state, size } of conversation.files) {
      if (state !== 'paused' && state !== 'waiting') continue;
      if (direction === 'receiving') {
        if (this.#folder !== null) void this.#save(conversation, file, {}, this.#folder);
        continue;
      }
      const path = paths.get(file);
      if (path === undefined || (await sizeOf(path)) !== size) continue;
      const transfer = conversation.resumeFile(file, await openSource(path));
      void transfer.done.then(() => paths.remove(file)).catch(() => {});
    }
  }

  async #save(conversation: Conversation, file: string, about: object, folder: string): Promise<void> {
    if (this.#saving.has(file)) return;
    this.#saving.add(file);
    const from = conversation.code;
    const message = conversation.files.find((each) => each.file === file)?.message;
    try {
      const { path, offer } = await saveFile(conversation, file, placeFrom(folder, from, file));
      const { size, sha256 } = offer;
      await this.#print({ from, id: message, ...about, file: path, size, sha256 }, async () => {
        if (message !== undefined) await conversation.markRead(message);
      });
    } catch (error) {
      // This process ends, and the next goes on.
      if (error instanceof ClientError && error.code === 'closed') return;
      // What one person sends wrong must not end the listening to the others.
      await this.#print({ from, id: message, ...about, error: (error as Error).message }, async () => {});
    }
  }

  /** What to print of a message; null while a file of the old kind is not whole. */
  async #describe(from: string, { id, at, body }: Message): Promise<object | null> {
    const part = this.#legacy === null ? null : readLegacyPart(body);
    if (this.#legacy === null || part === null) return { from, id, at, body };
    try {
      const file = await this.#legacy.take(from, part);
      return file === null ? null : { from, id, at, file, size: part.size, sha256: part.sha256 };
    } catch (error) {
      return { from, id, at, error: (error as Error).message };
    }
  }

  async #print(line: object, markRead: () => Promise<void>): Promise<void> {
    if (this.left <= 0) return;
    process.stdout.write(`${JSON.stringify(line)}\n`);
    await markRead();
    this.left -= 1;
    if (this.left <= 0) this.#finish('enough');
  }
}

function about({ id, name, size, sha256, type }: NonNullable<Message['file']>): object {
  return { id, name, size, sha256, ...(type === undefined ? {} : { type }) };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null;
  }
}
