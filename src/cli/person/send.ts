import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { ClientError, type Conversation, type Json } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { readParts } from './file-parts.ts';
import { asPerson, connectAs, parsePerson } from './person.ts';

/** Parts of a file that wait for the relay at once. */
const AHEAD_MAX = 32;

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    delivered: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '60' },
  });
  const [code, file = '-', more] = positionals;
  if (code === undefined || more !== undefined) throw new UsageError('send takes a CODE and perhaps a FILE');
  const timeoutMs = Number(values.timeout) * 1000;
  if (!(timeoutMs > 0)) throw new UsageError(`--timeout is a number of seconds, not ${values.timeout}`);

  return asPerson(async () => {
    const signal = AbortSignal.timeout(timeoutMs);
    const { relay, done } = await connectAs(person, { signal });
    try {
      const conversation = await relay.startConversation(code);
      const until = values.delivered ? 'delivered' : 'stored';
      let parts = 1;
      const onSettled = (done: number) => {
        if (process.stderr.isTTY && file !== '-') showProgress({ file, until, done, parts });
      };
      const sent = new Sent(conversation, { until, signal, onSettled });
      if (file === '-') await sent.send(await text(process.stdin));
      else {
        for await (const part of readParts(file)) {
          parts = part.parts;
          await sent.send({ ...part });
          await sent.atMost(AHEAD_MAX);
        }
      }
      await sent.atMost(0);
      if (person.json)
        console.log(JSON.stringify({ to: conversation.code, messages: sent.count, ids: sent.ids }));
      return EXIT.ok;
    } finally {
      await done();
    }
  });
}

/** One line of a terminal, written over and over. */
function showProgress(of: { file: string; until: string; done: number; parts: number }): void {
  const { file, until, done, parts } = of;
  const percent = Math.floor((100 * done) / parts);
  process.stderr.write(`\r${basename(file)}: ${percent} % ${until} (${done} of ${parts} parts)`);
  if (done === parts) process.stderr.write('\n');
}

interface SentOptions {
  readonly until: 'stored' | 'delivered';
  readonly signal: AbortSignal;
  /** So many are so far. */
  readonly onSettled: (done: number) => void;
}

/** What was sent and is not so far yet. */
class Sent {
  readonly #conversation: Conversation;
  readonly #options: SentOptions;
  readonly #open = new Set<string>();
  readonly ids: string[] = [];
  #error: ClientError | null = null;
  #changed = () => {};

  constructor(conversation: Conversation, options: SentOptions) {
    this.#conversation = conversation;
    this.#options = options;
    conversation.on(options.until, ({ id }) => this.#settle(id));
    conversation.on('failed', ({ id, error }) => this.#settle(id, error));
    conversation.on('key-changed', () => {
      this.#error = new ClientError(
        'key_changed',
        `The key of ${conversation.code} has changed: see keyrelay chat.`,
      );
      this.#changed();
    });
    options.signal.addEventListener('abort', () => this.#changed());
  }

  get count(): number {
    return this.ids.length;
  }

  async send(body: Json): Promise<void> {
    const id = await this.#conversation.send(body);
    this.ids.push(id);
    this.#open.add(id);
  }

  /** Resolves once no more than `open` are on their way. */
  async atMost(open: number): Promise<void> {
    while (this.#open.size > open) {
      if (this.#error !== null) throw this.#error;
      if (this.#options.signal.aborted)
        throw new ClientError('aborted', `Not done in time: ${this.#open.size} are on their way.`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  #settle(id: string, error: ClientError | null = null): void {
    this.#open.delete(id);
    this.#error ??= error;
    if (error === null) this.#options.onSettled(this.count - this.#open.size);
    this.#changed();
  }
}
