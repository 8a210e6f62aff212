import { createInterface, type Interface } from 'node:readline';
import type { ConnectionState, Conversation, Message, Relay } from '../../../client/index.ts';
import { timerWords } from '../../../client/sending/disappearing.ts';
import { EXIT, UsageError } from '../../command.ts';
import { asPerson, PERSON_EXIT, systemWords } from '../exit-codes.ts';
import { openSource } from '../files/disk-source.ts';
import { formatBytes } from '../files/units.ts';
import { reportedWords } from '../hearing.ts';
import { parsePerson } from '../options.ts';
import { JsonScreen, type Mark, PlainScreen, type Screen, TerminalScreen } from './screen.ts';
import { readTimer } from './timer.ts';

const HELP = `/number        your safety number with them: compare it once, in person or on the phone
/trust         accepts their changed key, once you have compared the new number
/file PATH     sends a file
/report WHY    shows the relay's operators their last messages (who, when, how long; nothing of what was written)
/timer 1h      lets messages disappear an hour after they are read; /timer off ends it
/help          this
/quit, Ctrl-D  ends
//             at the beginning of a line: sends it with one slash
Marks before your messages: . waiting   + stored by the relay   ++ delivered   * read   ! not delivered`;

export async function run(args: readonly string[]): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  const [code, more] = positionals;
  if (code === undefined || more !== undefined)
    throw new UsageError('chat takes one CODE: keyrelay chat E011T7D');
  return asPerson(async () => {
    const { connectAs } = await import('../account/connect.ts');
    const { relay, done } = await connectAs(person, { wait: 'open' });
    let hurried = false;
    try {
      const conversation = await firstWord(relay, code);
      const chat = new Chat(relay, conversation, person.json);
      hurried = (await chat.talk()) === 'interrupted';
      if (chat.waiting === 0) return EXIT.ok;
      const many = chat.waiting === 1 ? '1 message waits' : `${chat.waiting} messages wait`;
      console.error(`${many} for the relay: keyrelay chat or listen sends what waits.`);
      return PERSON_EXIT.unreachable;
    } finally {
      await done(hurried);
    }
  });
}

/** The user can write to a known contact at once. For a new one the relay has to be reachable; the error says so if it is not. */
async function firstWord(relay: Relay, code: string): Promise<Conversation> {
  const known = relay.conversations.find((conversation) => conversation.code === code.trim().toUpperCase());
  if (known === undefined) return relay.startConversation(code);
  // Perhaps so far only the other has written.
  await known.accept();
  return known;
}

/** What they say, what becomes of the own messages, and the line that is being typed. */
class Chat {
  readonly #relay: Relay;
  readonly #conversation: Conversation;
  readonly #lines: Interface;
  readonly #screen: Screen;
  /** Own messages that are not read yet. */
  readonly #own = new Map<string, { readonly text: string; mark: Mark }>();
  #shown: ConnectionState['state'] = 'live';

  constructor(relay: Relay, conversation: Conversation, json: boolean) {
    this.#relay = relay;
    this.#conversation = conversation;
    const { stdin, stdout } = process;
    // A program that reads is not to find a prompt, nor codes that steer a terminal.
    const terminal = !json && stdin.isTTY === true && stdout.isTTY === true;
    this.#lines = createInterface({ input: stdin, prompt: '> ', ...(terminal ? { output: stdout } : {}) });
    if (json) this.#screen = new JsonScreen();
    else this.#screen = terminal ? new TerminalScreen(this.#lines, stdout) : new PlainScreen();
    for (const mark of ['stored', 'delivered', 'read', 'failed'] as const) {
      conversation.on(mark, ({ id }) => this.#mark(id, mark));
    }
    conversation.on('key-changed', () => this.#warn());
    conversation.on('gap', ({ missing }) =>
      this.#screen.say(`(${missing} of their messages did not arrive)`),
    );
    conversation.on('unreadable', () =>
      this.#screen.say('(a message could not be opened; their side is asked to send it again)'),
    );
    let full = false;
    conversation.on('waiting', ({ why }) => {
      if (why === 'mailbox_full' && !full)
        this.#screen.say('(their mailbox is full: your messages wait until they fetch)');
      full ||= why === 'mailbox_full';
    });
    relay.on('state', (state) => this.#state(state));
  }

  /** Messages that the relay does not have. */
  get waiting(): number {
    return [...this.#own.values()].filter(({ mark }) => mark === 'waiting').length;
  }

  /** Until the end of the input, /quit or Ctrl-C. */
  async talk(): Promise<'ended' | 'interrupted'> {
    const { code: you } = this.#relay;
    const { code } = this.#conversation;
    const who = you === null ? '' : `You are ${you}. `;
    this.#screen.say(`${who}This is ${code}. /help lists what else you can do.`, { you, other: code });
    this.#state(this.#relay.state);
    if (this.#conversation.keyChanged) this.#warn();
    const aborter = new AbortController();
    const listening = this.#listen(aborter.signal);
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      this.#lines.close();
    };
    this.#lines.on('SIGINT', interrupt);
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    this.#screen.prompt();
    for await (const line of this.#lines) {
      if (/^\/quit(\s|$)/i.test(line.trim())) break;
      await this.#typed(line.trim());
      this.#screen.prompt();
    }
    this.#lines.close();
    aborter.abort();
    await listening;
    return interrupted ? 'interrupted' : 'ended';
  }

  #state(state: ConnectionState): void {
    if (state.state === 'ended') {
      if (state.error.code === 'closed') return;
      this.#screen.say(state.error.message, { error: state.error.code });
      this.#lines.close();
      return;
    }
    // A word at each change; tries that fail one after the other are one.
    if (state.state === 'connecting' || state.state === this.#shown) return;
    this.#shown = state.state;
    if (state.state === 'live') this.#screen.say('(connected)', state);
    else this.#screen.say(`(offline: ${state.reason.replace(/\.$/, '')}. What you write waits.)`, state);
  }

  async #typed(line: string): Promise<void> {
    if (line === '') return;
    const [typed = '', ...rest] = line.split(/\s+/);
    const command = typed.toLowerCase();
    try {
      if (!line.startsWith('/') || line.startsWith('//')) await this.#send(line.replace(/^\/\//, '/'));
      else if (command === '/number') this.#screen.say(this.#conversation.safetyNumber().join(' '));
      else if (command === '/help') this.#screen.say(HELP);
      else if (command === '/trust') await this.#trust();
      else if (command === '/file') await this.#sendFile(line.slice(typed.length).trim());
      else if (command === '/report') await this.#report(rest.join(' '));
      else if (command === '/timer') await this.#setTimer(rest.join(''));
      else
        this.#screen.say(
          `There is no ${typed}: /help lists what there is, and // sends a line that begins with a slash.`,
        );
    } catch (error) {
      const words = systemWords(error) ?? (error as Error).message;
      this.#screen.say(line.startsWith('/') ? `${typed}: ${words}` : `Not sent: ${words}`);
    }
  }

  async #send(text: string): Promise<void> {
    // A person writes: no better time to try again.
    this.#relay.retryNow();
    const id = await this.#conversation.send(text);
    this.#own.set(id, { text, mark: 'waiting' });
    this.#screen.mine(id, text, 'waiting');
  }

  async #sendFile(path: string): Promise<void> {
    if (path === '') throw new Error('which file? /file PATH');
    const source = await openSource(path);
    const sent = await this.#conversation.sendFile(source, { sha256: source.sha256 });
    const text = `[file] ${source.name}, ${formatBytes(source.size)}`;
    this.#own.set(sent.messageId, { text, mark: 'waiting' });
    this.#screen.mine(sent.messageId, text, 'waiting');
    if (!sent.fitsMailbox) this.#screen.say('(it goes when they ask for it, while this runs)');
    sent.done.then(
      () => this.#screen.say(`(${source.name} has arrived)`),
      (error: Error) => this.#screen.say(`(${error.message})`),
    );
  }

  async #setTimer(text: string): Promise<void> {
    const seconds = readTimer(text);
    const id = await this.#conversation.setTimer(seconds);
    this.#own.set(id, { text: timerWords(seconds), mark: 'waiting' });
    this.#screen.mine(id, timerWords(seconds), 'waiting');
    if (seconds > 0) this.#screen.say('(what this terminal shows stays in it)');
  }

  async #report(reason: string): Promise<void> {
    const messages = await this.#relay.report(this.#conversation.code, { reason });
    this.#screen.say(reportedWords(messages));
  }

  async #trust(): Promise<void> {
    if (!this.#conversation.keyChanged) throw new Error('their key has not changed.');
    await this.#conversation.acceptChangedKey();
    this.#screen.say('Their key is trusted. What waited has to be sent again.');
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for await (const message of this.#conversation.messages({ signal })) {
      const { id, at, body, markRead, file, expiresS } = message;
      const from = this.#conversation.code;
      this.#screen.theirs(from, this.#textOf(message), {
        from,
        id,
        at,
        body,
        ...(expiresS === undefined ? {} : { expiresS }),
        ...(file === undefined ? {} : { file: file.name }),
      });
      await markRead();
    }
  }

  #textOf({ body, file }: Message): string {
    if (file === undefined) return typeof body === 'string' ? body : JSON.stringify(body);
    const caption = body === file.name ? '' : ` ${String(body)}`;
    return `[file] ${file.name}, ${formatBytes(file.size)}: keyrelay listen --save DIR fetches it.${caption}`;
  }

  #mark(id: string, mark: Mark): void {
    const own = this.#own.get(id);
    if (own === undefined) return;
    own.mark = mark;
    if (mark === 'read' || mark === 'failed') this.#own.delete(id);
    this.#screen.mine(id, own.text, mark);
  }

  #warn(): void {
    const number = this.#conversation.keyChanged ? this.#conversation.safetyNumber('offered').join(' ') : '';
    const { code } = this.#conversation;
    this.#screen.say(
      `The relay names another key for ${code} than before. A new device gets a new code, so this should not happen: an ` +
        `attacker may be intercepting your messages. Nothing is sent until you have compared this number with theirs, by another way, and typed ` +
        `/trust:\n${number}`,
      { keyChanged: true, safetyNumber: number },
    );
  }
}
