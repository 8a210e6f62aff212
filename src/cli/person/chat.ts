import { createInterface, type Interface } from 'node:readline';
import type { ConnectionState, Conversation } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { asPerson, connectAs, parsePerson } from './person.ts';

const MARKS = { waiting: '.', stored: '+', delivered: '++', read: '*', failed: '!' } as const;

export async function run(args: readonly string[]): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  const [code, more] = positionals;
  if (code === undefined || more !== undefined) throw new UsageError('chat takes one CODE');
  return asPerson(async () => {
    const { relay, done } = await connectAs(person);
    try {
      const conversation = await relay.startConversation(code);
      const screen = new Screen(conversation, person.json);
      const { code: you } = relay;
      const words = `You are ${you}; ${conversation.code} is the other. /number /trust /quit`;
      screen.say(words, { you, other: conversation.code });
      relay.on('state', (state) => screen.state(state));
      await screen.talk();
      return EXIT.ok;
    } finally {
      await done();
    }
  });
}

/** The terminal: what they say, what becomes of one's own words, and the line that is being typed. */
class Screen {
  readonly #conversation: Conversation;
  readonly #json: boolean;
  readonly #lines: Interface;
  /** Own words that are not read yet, by id. */
  readonly #own = new Map<string, string>();

  constructor(conversation: Conversation, json: boolean) {
    this.#conversation = conversation;
    this.#json = json;
    // A program that reads lines of JSON is not to find a prompt before them.
    const output = json ? {} : { output: process.stdout };
    this.#lines = createInterface({ input: process.stdin, prompt: '> ', ...output });
    for (const mark of ['stored', 'delivered', 'read', 'failed'] as const) {
      conversation.on(mark, ({ id }) => this.#mark(id, mark));
    }
    conversation.on('key-changed', () => this.#warn());
    conversation.on('gap', ({ missing }) => this.say(`${missing} of their messages did not arrive.`));
    conversation.on('unreadable', () =>
      this.say('A message could not be opened; they are told to send it again.'),
    );
    if (conversation.keyChanged) this.#warn();
  }

  /** Until the end of the input, or /quit. What was typed last is on its way then, or waits for the next time. */
  async talk(): Promise<void> {
    const aborter = new AbortController();
    const listening = this.#listen(aborter.signal);
    this.#lines.prompt();
    for await (const line of this.#lines) {
      if (line.trim() === '/quit') break;
      await this.#typed(line.trim());
      this.#lines.prompt();
    }
    this.#lines.close();
    aborter.abort();
    await listening;
  }

  say(words: string, about: object = { note: words }): void {
    if (this.#json) {
      console.log(JSON.stringify(about));
      return;
    }
    // Over the line that is being typed, which is then shown again.
    process.stdout.write(`\r\x1b[K${words}\n`);
    this.#lines.prompt(true);
  }

  state(state: ConnectionState): void {
    if (state.state === 'live') this.say('(connected)', state);
    if (state.state === 'offline') this.say('(offline: what you write waits)', state);
    if (state.state !== 'ended' || state.error.code === 'closed') return;
    this.say(state.error.message, { error: state.error.code });
    this.#lines.close();
  }

  async #typed(line: string): Promise<void> {
    if (line === '') return;
    if (line === '/number') this.say(this.#conversation.safetyNumber().join(' '));
    else if (line === '/trust') await this.#trust();
    else {
      try {
        const id = await this.#conversation.send(line);
        this.#own.set(id, line);
        this.#mark(id, 'waiting');
      } catch (error) {
        this.say(`Not sent: ${(error as Error).message}`);
      }
    }
  }

  async #trust(): Promise<void> {
    await this.#conversation.acceptChangedKey();
    this.say('Their key is trusted.');
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for await (const { id, at, body, markRead } of this.#conversation.messages({ signal })) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      this.say(`${this.#conversation.code}  ${printable(text)}`, {
        from: this.#conversation.code,
        id,
        at,
        body,
      });
      await markRead();
    }
  }

  #mark(id: string, mark: keyof typeof MARKS): void {
    const text = this.#own.get(id);
    if (text === undefined) return;
    if (mark === 'read' || mark === 'failed') this.#own.delete(id);
    this.say(`${MARKS[mark].padStart(7)}  ${printable(text)}`, { id, mark });
  }

  #warn(): void {
    const numbers = this.#conversation.keyChanged ? this.#conversation.safetyNumber('offered').join(' ') : '';
    this.say(
      `The key of ${this.#conversation.code} has changed. Nothing is sent until you have compared this number with theirs, ` +
        `and type /trust:\n${numbers}`,
      { keyChanged: true, safetyNumber: numbers },
    );
  }
}

/** What others write must not steer the terminal, nor turn the direction of a line. */
function printable(text: string): string {
  return text
    .replaceAll('\n', '\n         ')
    .replaceAll(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
