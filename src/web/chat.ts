import {
  ClientError,
  type ConnectionState,
  type Conversation,
  type Relay,
  readCode,
} from '../client/index.ts';
import { byId } from './dom.ts';
import type { History, Mark } from './history.ts';
import { People } from './people.ts';
import { Safety } from './safety.ts';
import { Thread } from './thread.ts';

/** Conversations: starting one, choosing one, reading and writing. */
export class Chat {
  readonly #relay: Relay;
  readonly #history: History;
  readonly #conversations = new Map<string, Conversation>();
  readonly #thread = new Thread();
  readonly #people: People;
  readonly #safety = new Safety((conversation) => this.#accept(conversation));
  readonly #text = byId('text', HTMLTextAreaElement);
  #current: Conversation | null = null;
  #live = false;

  constructor(relay: Relay, history: History) {
    this.#relay = relay;
    this.#history = history;
    this.#people = new People(history, (code) => this.#choose(code));
    for (const conversation of relay.conversations) this.#attach(conversation);
    relay.on('conversation', ({ conversation }) => {
      this.#attach(conversation);
      // The first to write opens the conversation by itself; later ones do not push themselves in.
      if (this.#conversations.size === 1) this.#choose(conversation.code);
    });
    this.#listen();
    this.#showPeople();
    const linked = readCode(decodeURIComponent(location.hash.slice(1)));
    if (linked !== null) byId('their-code', HTMLInputElement).value = linked;
    const [only, ...others] = this.#conversations.keys();
    if (only !== undefined && others.length === 0 && linked === null) this.#choose(only);
  }

  stateChanged(state: ConnectionState): void {
    this.#live = state.state === 'live';
    this.#showCurrent();
  }

  #listen(): void {
    byId('start', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start();
    });
    // Until here a form would have been sent by the browser itself, to nowhere.
    byId('their-code', HTMLInputElement).disabled = false;
    byId('start-go', HTMLButtonElement).disabled = false;
    byId('compose', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#text.addEventListener('keydown', (event) => {
      // An input method uses Enter to choose a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.#send();
    });
    byId('back', HTMLButtonElement).addEventListener('click', () => {
      document.body.dataset.pane = 'home';
      this.#people.focus(this.#current?.code ?? '');
    });
    for (const id of ['safety-open', 'changed-compare']) {
      byId(id, HTMLButtonElement).addEventListener('click', () => {
        if (this.#current !== null) this.#safety.open(this.#current);
      });
    }
    document.addEventListener('visibilitychange', () => this.#readAll());
  }

  async #start(): Promise<void> {
    const input = byId('their-code', HTMLInputElement);
    const error = byId('start-error', HTMLElement);
    error.textContent = '';
    input.removeAttribute('aria-invalid');
    try {
      const conversation = await this.#relay.startConversation(input.value);
      input.value = '';
      history.replaceState(null, '', '/');
      this.#attach(conversation);
      this.#choose(conversation.code);
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
      error.textContent = wordsFor(cause);
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    }
  }

  async #send(): Promise<void> {
    const conversation = this.#current;
    const text = this.#text.value.trim();
    if (conversation === null || text === '') return;
    this.#text.value = '';
    this.#text.focus();
    try {
      const id = await conversation.send(text);
      const entry = { id, mine: true, text, atMs: Date.now(), mark: 'waiting' } as const;
      const added = this.#history.add(conversation.code, entry);
      if (this.#current === conversation) this.#thread.add(entry);
      this.#showPeople();
      await added;
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
      this.#text.value = text;
      this.#thread.note(wordsFor(cause));
    }
  }

  #attach(conversation: Conversation): void {
    const { code } = conversation;
    if (this.#conversations.has(code)) return;
    this.#conversations.set(code, conversation);
    for (const mark of ['stored', 'delivered', 'read', 'failed'] as const) {
      conversation.on(mark, ({ id }) => void this.#mark(conversation, id, mark));
    }
    conversation.on('secured', () => this.#showCurrent());
    conversation.on('key-changed', () => this.#showCurrent());
    conversation.on('gap', ({ missing }) => {
      if (this.#current === conversation)
        this.#thread.note(
          missing === 1 ? 'One message did not arrive.' : `${missing} messages did not arrive.`,
        );
    });
    conversation.on('unreadable', () => {
      if (this.#current === conversation)
        this.#thread.note('A message could not be opened. They are told, and can send it again.');
    });
    void this.#take(conversation);
    this.#showPeople();
  }

  async #take(conversation: Conversation): Promise<void> {
    const { code } = conversation;
    for await (const { id, body } of conversation) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const seen = this.#current === conversation && document.visibilityState === 'visible';
      const entry = { id, mine: false, text, atMs: Date.now(), mark: seen ? 'seen' : 'new' } as const;
      if (await this.#history.add(code, entry)) {
        if (this.#current === conversation) this.#thread.add(entry);
        if (seen) await conversation.markRead(id);
        this.#showPeople();
      }
    }
  }

  async #mark(conversation: Conversation, id: string, mark: Mark): Promise<void> {
    const { code } = conversation;
    await this.#history.mark(code, id, mark);
    const entry = this.#history.of(code).find((each) => each.id === id);
    if (entry !== undefined && this.#current === conversation) this.#thread.update(entry);
  }

  #choose(code: string): void {
    const conversation = this.#conversations.get(code);
    if (conversation === undefined) return;
    this.#current = conversation;
    document.body.dataset.pane = 'talk';
    byId('talk-empty', HTMLElement).hidden = true;
    byId('talk', HTMLElement).hidden = false;
    byId('talk-code', HTMLElement).textContent = code;
    byId('changed-code', HTMLElement).textContent = code;
    this.#thread.open(this.#history.of(code));
    this.#showCurrent();
    this.#readAll();
    this.#text.focus();
  }

  /** What has come while nobody looked is read now. */
  #readAll(): void {
    const conversation = this.#current;
    if (conversation === null || document.visibilityState !== 'visible') return;
    const fresh = this.#history.of(conversation.code).filter(({ mark }) => mark === 'new');
    const last = fresh.at(-1);
    if (last !== undefined) {
      for (const { id } of fresh) void this.#history.mark(conversation.code, id, 'seen');
      void conversation.markRead(last.id);
    }
    this.#showPeople();
  }

  #accept(conversation: Conversation): void {
    void conversation.acceptChangedKey().then(() => {
      this.#showCurrent();
      this.#thread.note('You trust the new key. Messages that were waiting have to be sent again.');
      this.#text.focus();
    });
  }

  #showPeople(): void {
    this.#people.show([...this.#conversations.keys()], this.#current?.code ?? null);
  }

  #showCurrent(): void {
    const conversation = this.#current;
    if (conversation === null) return;
    const { keyChanged, secured } = conversation;
    byId('changed', HTMLElement).hidden = !keyChanged;
    this.#text.disabled = keyChanged;
    byId('send', HTMLButtonElement).disabled = keyChanged;
    const sealed = secured
      ? 'Encrypted end to end'
      : 'Waiting for their key. What you write is sent as soon as it is here.';
    byId('talk-state', HTMLElement).textContent = keyChanged ? 'The key has changed' : sealed;
    byId('compose-hint', HTMLElement).textContent = this.#live
      ? ''
      : 'You are offline – what you send will wait.';
  }
}

function wordsFor(error: ClientError): string {
  switch (error.code) {
    case 'user_unknown':
      return 'Nobody has this code. Is it complete?';
    case 'unreachable':
      return 'The relay cannot be reached just now. Try again in a moment.';
    case 'invalid_argument':
      return error.message;
    case 'key_changed':
      return 'Their key has changed: compare the new number first.';
    case 'too_large':
      return 'This is too long for one message: send it in parts.';
    default:
      return error.message;
  }
}
