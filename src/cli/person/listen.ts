import type { Conversation, Message } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { stopSignal } from '../signals.ts';
import { type FilePart, FileSaver, isFilePart } from './file-parts.ts';
import { asPerson, connectAs, parsePerson } from './person.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    count: { type: 'string' },
    save: { type: 'string' },
  });
  if (positionals.length > 0) throw new UsageError(`listen takes no ${positionals[0]}`);
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
  if (!(count > 0)) throw new UsageError(`--count is a number, not ${values.count}`);

  return asPerson(async () => {
    const { relay, done } = await connectAs(person);
    const saver = values.save === undefined ? null : new FileSaver(values.save);
    // Whoever waits for this line knows that mail will come, and where to.
    console.error(`listening as ${relay.code} at ${person.url}`);
    let printed = 0;
    const ended = new Promise<void>((resolve, reject) => {
      const listen = async (conversation: Conversation) => {
        for await (const message of conversation) {
          const line = await describe(conversation.code, message, saver);
          if (line === null) continue;
          process.stdout.write(`${JSON.stringify(line)}\n`);
          await message.markRead();
          printed += 1;
          if (printed >= count) resolve();
        }
      };
      relay.on('conversation', ({ conversation }) => void listen(conversation).catch(reject));
      for (const conversation of relay.conversations) listen(conversation).catch(reject);
      relay.on('state', (state) => {
        if (state.state === 'ended') reject(state.error);
      });
      void stopSignal(() => {}, true).then(() => resolve());
    });
    try {
      await ended;
      return EXIT.ok;
    } finally {
      await done();
    }
  });
}

/** What to print of a message; null while a file is not whole. */
async function describe(from: string, message: Message, saver: FileSaver | null): Promise<object | null> {
  const { id, at, body } = message;
  if (saver === null || !isFilePart(body)) return { from, id, at, body };
  const part = body as unknown as FilePart;
  try {
    const file = await saver.take(from, part);
    return file === null ? null : { from, id, at, file, size: part.size, sha256: part.sha256 };
  } catch (error) {
    // What one person sends wrong must not end the listening to the others.
    return { from, id, at, error: (error as Error).message };
  }
}
