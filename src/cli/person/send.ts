import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ClientError, type Conversation } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { connectAs } from './account/connect.ts';
import { asPerson } from './exit-codes.ts';
import { type DiskSource, openSource } from './files/disk-source.ts';
import { sendOneFile } from './files/send-file.ts';
import { SendingPaths } from './files/sending-paths.ts';
import { parsePerson, positiveNumber } from './options.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    delivered: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '60' },
    file: { type: 'string', multiple: true, default: [] },
    name: { type: 'string' },
  });
  const [code, ...rest] = positionals;
  if (code === undefined)
    throw new UsageError('send takes a CODE and perhaps FILES: keyrelay send E011T7D notes.pdf');
  const files = [...rest, ...values.file];
  const piped = files.length === 0 || files.includes('-');
  if (piped && process.stdin.isTTY) console.error('Type what to send; Ctrl-D on a line of its own ends it.');
  const limit = new TimeLimit(positiveNumber('timeout', values.timeout) * 1000);

  return asPerson(async () => {
    // Whatever is wrong with a file is said before anybody hears of anything.
    const sources: { source: DiskSource; path: string | null }[] = [];
    for (const path of files.filter((each) => each !== '-'))
      sources.push({ source: await openSource(path), path });
    const input = piped ? await StandardInput.read() : null;
    const asFile =
      input !== null && (values.name !== undefined || files.includes('-') || input.text === null);
    if (input !== null && asFile)
      sources.push({ source: await input.source(values.name ?? 'stdin'), path: null });

    const { relay, state, done } = await connectAs(person, { signal: limit.signal });
    let interrupted = false;
    const onInterrupt = () => {
      interrupted = true;
      limit.end(
        new ClientError('cancelled', 'Interrupted. What is there stays there; the same command goes on.'),
      );
    };
    process.once('SIGINT', onInterrupt);
    try {
      const conversation = await relay.startConversation(code, { signal: limit.signal });
      watch(conversation, limit);
      const say = (words: object, plain: string) => {
        if (person.json) console.log(JSON.stringify(words));
        else if (process.stderr.isTTY) console.error(plain);
      };
      if (input !== null && !asFile) {
        const text = input.text ?? '';
        if (Buffer.byteLength(JSON.stringify(text)) > conversation.maxBodyBytes) {
          sources.push({ source: await input.source('stdin.txt'), path: null });
        } else {
          const sending = conversation.send(text);
          await limit.race(values.delivered ? sending.delivered : sending.stored);
          say(
            { to: conversation.code, messages: 1, ids: [await sending] },
            values.delivered ? 'Delivered.' : 'Stored.',
          );
        }
      }
      const paths = await SendingPaths.load(state);
      for (const { source, path } of sources) {
        const outcome = await sendOneFile({
          conversation,
          source,
          path,
          paths,
          untilDelivered: values.delivered,
          signal: limit.signal,
          onProgress: () => limit.restart(),
          say: (words) => console.error(words),
        });
        const { name, size, sha256 } = source;
        const plain = `${name}: ${outcome.delivered ? 'delivered' : 'waits at the relay'}, SHA-256 ${sha256}`;
        say(
          {
            to: conversation.code,
            file: name,
            size,
            sha256,
            id: outcome.message,
            delivered: outcome.delivered,
          },
          plain,
        );
      }
      return EXIT.ok;
    } catch (error) {
      // The documented code of "not in time" is not that of a person who has ended it.
      if (!interrupted || !(error instanceof ClientError)) throw error;
      console.error(`keyrelay: ${error.message}`);
      return EXIT.failed;
    } finally {
      process.removeListener('SIGINT', onInterrupt);
      limit.clear();
      await done(interrupted || limit.signal.aborted);
      for (const { source } of sources) await source.close();
      await input?.remove();
    }
  });
}

/** Says what keeps it waiting, and ends what will not arrive. */
function watch(conversation: Conversation, limit: TimeLimit): void {
  const { code } = conversation;
  let full = false;
  conversation.on('waiting', ({ why }) => {
    if (why !== 'mailbox_full' || full) return;
    full = true;
    console.error(`The mailbox of ${code} is full, or your share of it: waiting until ${code} fetches.`);
  });
  conversation.on('failed', ({ error }) => limit.end(error));
  const changed = () =>
    limit.end(
      new ClientError(
        'key_changed',
        `The relay names another key for ${code}: compare numbers in keyrelay chat ${code}.`,
      ),
    );
  conversation.on('key-changed', changed);
  if (conversation.keyChanged) changed();
}

/** A time without progress after which a command gives up. */
class TimeLimit {
  readonly #ms: number;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(error: ClientError): void {
    this.#controller.abort(error);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** The work, unless the time is over first. */
  async race(work: Promise<void>): Promise<void> {
    const { signal } = this;
    const ended = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    await Promise.race([work, ended]);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      const words = `Nothing has moved for ${this.#ms / 1000} s: not done in time. The same command tries again.`;
      this.end(new ClientError('aborted', words));
    }, this.#ms);
  }
}

/** What was piped in, kept in a temporary file: it may be larger than the memory. */
class StandardInput {
  readonly #folder: string;
  /** Null if it is not text: bytes are bytes. */
  readonly text: string | null;

  private constructor(folder: string, text: string | null) {
    this.#folder = folder;
    this.text = text;
  }

  static async read(): Promise<StandardInput> {
    const folder = await mkdtemp(join(tmpdir(), 'keyrelay-'));
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    let text: string | null = '';
    async function* look(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        if (text !== null && text.length <= TEXT_CHARACTERS_MAX) {
          try {
            text += decoder.decode(chunk, { stream: true });
          } catch {
            text = null;
          }
        }
        yield chunk;
      }
    }
    await pipeline(process.stdin, look, createWriteStream(join(folder, 'input'), { mode: 0o600 }));
    try {
      if (text !== null && text.length <= TEXT_CHARACTERS_MAX) text += decoder.decode();
    } catch {
      text = null;
    }
    return new StandardInput(folder, text);
  }

  source(name: string): Promise<DiskSource> {
    return openSource(join(this.#folder, 'input'), name);
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

/** Longer than any message: what is longer goes as a file, and need not be kept as text. */
const TEXT_CHARACTERS_MAX = 1_000_000;
