import {
  ClientError,
  type ConnectionState,
  type Conversation,
  durationWords,
  type Relay,
} from '../../client/index.ts';
import { byId, make } from '../dom/dom.ts';
import { tile } from '../dom/tile.ts';
import { drafts } from '../kept/drafts.ts';
import { keepForGood } from '../kept/everything.ts';
import type { KeptFiles } from '../kept/files.ts';
import type { Entry, History } from '../kept/history.ts';
import type { People } from '../kept/people.ts';
import { ConversationList, type FoundMessage, type ListedPerson } from '../views/people/conversation-list.ts';
import { NewConversation } from '../views/people/new-conversation.ts';
import { PersonSheet } from '../views/people/person-sheet.ts';
import { Safety } from '../views/people/safety.ts';
import { ScanSheet } from '../views/people/scan-sheet.ts';
import { Attach } from '../views/thread/attach.ts';
import { Banner } from '../views/thread/banner.ts';
import { Composer } from '../views/thread/composer.ts';
import { fileCard } from '../views/thread/file-card.ts';
import { MessageSheet } from '../views/thread/message-sheet.ts';
import { emptyThread, Thread } from '../views/thread/thread.ts';
import { codeInAddress, goTo, onAddress, readInvitation } from './address.ts';
import { Expiry } from './expiry.ts';
import { Files } from './files.ts';
import { inParts } from './long-text.ts';
import { notify, onNotificationClick } from './notify.ts';
import { bannerFor, type Situation } from './status.ts';
import { Talks, type TalksOptions } from './talks.ts';
import { numberOf, trustOf } from './trust.ts';
import { wordsFor } from './words.ts';

/** Somebody types until so long after the last word of it. */
const TYPING_MS = 8_000;
/** Found messages that are listed. */
const FOUND_MAX = 50;

export interface ChatOptions {
  readonly history: History;
  readonly people: People;
  readonly files: KeptFiles;
  readonly onNewCode: () => void;
  readonly onUseHere: () => void;
}

/** The page as a whole: which conversation is open, and what each part of the page shows of it. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #list: ConversationList;
  readonly #thread: Thread;
  readonly #composer: Composer;
  readonly #banner = new Banner();
  readonly #scanSheet = new ScanSheet();
  readonly #safety = new Safety(this.#scanSheet);
  readonly #personSheet = new PersonSheet();
  readonly #newConversation: NewConversation;
  readonly #messageSheet: MessageSheet;
  readonly #files: Files;
  readonly #events: Pick<TalksOptions, 'onAdded' | 'onUpdated' | 'onRenamed'>;
  #relay: Relay | null = null;
  #talks: Talks | null = null;
  #connection: Situation['connection'] = { state: 'connecting' };
  #retryAtMs = 0;
  #storageBroken = false;
  /** Until when each types, by code. */
  readonly #typing = new Map<string, number>();
  #current: string | null = null;
  #refreshing = false;

  constructor(options: ChatOptions) {
    this.#options = options;
    const { history, files } = options;
    const events = {
      onAdded: (code: string, entries: readonly Entry[]) => this.#added(code, entries),
      onUpdated: (code: string, entry: Entry) => {
        if (code === this.#current) this.#thread.update(entry);
        this.#refresh();
      },
      onRenamed: (code: string, id: string, entry: Entry) => {
        if (code === this.#current) this.#thread.renamed(id, entry);
      },
    };
    this.#events = events;
    this.#files = new Files({
      ...events,
      history,
      kept: files,
      onMoved: (code, file) => {
        if (code === this.#current) this.#thread.fileMoved(file);
      },
    });
    this.#list = new ConversationList({
      onChoose: (code) => this.#go(code),
      onFound: (code, id) => {
        this.#go(code);
        this.#thread.showMessage(id);
      },
      find: (words) => this.#find(words),
    });
    this.#messageSheet = new MessageSheet({
      onReply: (entry) => this.#composer.reply(entry),
      onCopy: ({ text }) => void navigator.clipboard?.writeText(text),
      onDelete: (entry) => this.#deleteHere(entry),
      onRetry: (entry) => {
        const code = this.#current;
        this.#deleteHere(entry);
        if (code !== null) this.#talks?.retry(code, entry);
      },
    });
    this.#thread = new Thread({
      entries: () => history.of(this.#current ?? ''),
      links: () => this.#standing !== 'request',
      quoted: (id) => history.get(this.#current ?? '', id),
      onAbout: ({ id }) => {
        const entry = history.get(this.#current ?? '', id);
        if (entry !== undefined) this.#messageSheet.open(entry, { write: this.#mayWrite });
      },
      onQuoted: (id) => this.#thread.showMessage(id),
      file: (entry) =>
        fileCard(entry, {
          progress: (file) => this.#files.progress(file),
          get: (file) => files.get(file),
          onFetch: (fetched) => this.#withConversation((open) => this.#files.fetch(open, fetched)),
          onCancel: ({ file }) => this.#withConversation((open) => this.#files.cancel(open, file?.id ?? '')),
        }),
      onSeen: ({ id }) => {
        if (this.#current !== null && this.#standing !== 'request') this.#talks?.seen(this.#current, id);
      },
      empty: () => this.#beginning(),
    });
    this.#composer = new Composer({
      onTyping: () => this.#conversation?.typing(),
      onSend: (text, replyTo) => {
        if (this.#current !== null) this.#talks?.send(this.#current, text, replyTo);
      },
      partsOf: (text) => {
        const bytesMax = this.#conversation?.maxBodyBytes;
        return bytesMax === undefined || text.length * 4 < bytesMax ? 1 : inParts(text, bytesMax).length;
      },
    });
    new Attach((chosen) => {
      if (!this.#mayWrite) return;
      for (const file of chosen) this.#withConversation((open) => void this.#files.send(open, file));
    });
    this.#newConversation = new NewConversation((text) => this.#start(text), this.#scanSheet);
    byId('back', HTMLButtonElement).addEventListener('click', () => {
      const before = this.#current;
      this.#go(null);
      if (before !== null) this.#list.focus(before);
    });
    byId('safety-open', HTMLButtonElement).addEventListener('click', () => this.#compare());
    byId('talk-name', HTMLButtonElement).addEventListener('click', () => this.#showPerson());
    onNotificationClick((address) => {
      location.hash = address;
    });
    onAddress(() => this.#route());
    for (const event of ['focus', 'online']) addEventListener(event, () => this.#relay?.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#relay?.retryNow();
    });
    setInterval(() => {
      if (this.#connection.state === 'offline') this.#showBanner();
    }, 1_000);
    new Expiry(history, (code, entries) => this.#gone(code, entries));
    this.#route();
    this.#refreshNow();
  }

  /** Another tab has the connection: what is here can be read. */
  elsewhere(takeOver: () => void): void {
    this.#connection = { state: 'elsewhere', takeOver };
    this.#refresh();
  }

  /** The history may have been read anew. */
  connect(relay: Relay): void {
    this.#relay = relay;
    this.#talks = new Talks({
      ...this.#options,
      relay,
      ...this.#events,
      onAttached: (conversation) => this.#files.attach(conversation),
      onTyping: (code) => this.#types(code),
      onChanged: () => this.#refresh(),
    });
    this.#newConversation.enable();
    this.#current = null;
    this.#route();
    this.#refreshNow();
  }

  stateChanged(state: ConnectionState): void {
    this.#connection = state;
    if (state.state === 'offline') this.#retryAtMs = Date.now() + state.retryInMs;
    if (state.state === 'live') {
      this.#talks?.settleBlocks();
      if (this.#current !== null) this.#talks?.recheck(this.#current);
    }
    this.#refresh();
  }

  unblock(code: string): void {
    void this.#options.people.set(code, { standing: 'friend' });
    this.#talks?.standingChanged(code);
    this.#refresh();
  }

  storageBroken(): void {
    this.#storageBroken = true;
    this.#refresh();
  }

  get #conversation(): Conversation | undefined {
    return this.#current === null ? undefined : this.#talks?.get(this.#current);
  }

  #withConversation(act: (conversation: Conversation) => void): void {
    const conversation = this.#conversation;
    if (conversation !== undefined) act(conversation);
  }

  get #standing() {
    return this.#options.people.standing(this.#current ?? '');
  }

  get #mayWrite(): boolean {
    const { people } = this.#options;
    const conversation = this.#conversation;
    return (
      conversation !== undefined &&
      this.#standing === 'friend' &&
      this.#connection.state !== 'ended' &&
      this.#connection.state !== 'elsewhere' &&
      trustOf(conversation, people.get(conversation.code)) !== 'changed'
    );
  }

  async #start(text: string): Promise<string | null> {
    if (this.#talks === null) return 'This page is not connected yet.';
    try {
      const { code } = await this.#talks.start(readInvitation(text) ?? text);
      this.#go(code);
      this.#composer.focus();
      return null;
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
      return wordsFor(cause);
    }
  }

  #go(code: string | null): void {
    goTo(code);
    this.#open(code);
  }

  /** The address says which conversation is open; a code that is not known yet is filled in, to be asked for. */
  #route(): void {
    const code = codeInAddress();
    if (code === null || this.#codes().includes(code)) {
      this.#open(code);
      return;
    }
    if (this.#talks === null) return;
    window.history.replaceState(null, '', '/');
    this.#open(null);
    if (code !== this.#relay?.code) this.#newConversation.open(code);
  }

  #open(code: string | null): void {
    const again = code === this.#current;
    this.#current = code;
    document.body.dataset.pane = code === null ? 'home' : 'talk';
    byId('talk-empty', HTMLElement).hidden = code !== null;
    byId('talk', HTMLElement).hidden = code === null;
    if (code !== null && !again) {
      this.#composer.open(code);
      this.#refreshNow();
      this.#thread.open();
      this.#composer.focus();
      this.#talks?.recheck(code);
    } else this.#refresh();
  }

  #added(code: string, entries: readonly Entry[]): void {
    const conversation = this.#talks?.get(code);
    if (conversation !== undefined && this.#options.people.standing(code) === 'friend')
      for (const entry of entries) if (!entry.mine) this.#files.offered(conversation, entry);
    if (entries.some(({ mine }) => !mine)) this.#typing.delete(code);
    if (code === this.#current) this.#thread.added();
    if (entries.some(({ note }) => note !== true)) void keepForGood();
    if (entries.some(({ mark }) => mark === 'new')) void notify(code, this.#options.people.nameOf(code));
    this.#refresh();
  }

  #deleteHere(entry: Entry): void {
    if (this.#current === null) return;
    this.#options.history.remove(this.#current, entry.id);
    this.#gone(this.#current, [entry]);
  }

  /** These are no longer in the history. */
  #gone(code: string, entries: readonly Entry[]): void {
    for (const { id, file } of entries) {
      if (code === this.#current) this.#thread.removed(id);
      if (file !== undefined) this.#files.forget(file.id, this.#talks?.get(code));
    }
    this.#refresh();
  }

  #types(code: string): void {
    this.#typing.set(code, Date.now() + TYPING_MS);
    setTimeout(() => this.#refresh(), TYPING_MS);
    this.#refresh();
  }

  #showPerson(): void {
    const code = this.#current;
    if (code === null) return;
    const { people } = this.#options;
    const timerS = this.#mayWrite ? (this.#conversation?.timerS ?? null) : null;
    this.#personSheet.open(
      { code, person: people.get(code), timerS },
      {
        onTimer: (seconds) => this.#talks?.setTimer(code, seconds),
        onName: (name) => {
          void people.set(code, { name: name === '' ? undefined : name });
          this.#refresh();
        },
        onCompare: () => this.#compare(),
        onBlock: (blocked) => this.#setStanding(blocked ? 'blocked' : 'friend'),
        onDelete: () => this.#deleteConversation(),
      },
    );
  }

  #compare(): void {
    const code = this.#current;
    const conversation = this.#conversation;
    if (code === null || conversation === undefined) return;
    const { people } = this.#options;
    const number = numberOf(conversation);
    if (number === null) return;
    const trust = trustOf(conversation, people.get(code));
    this.#safety.open(
      { name: people.nameOf(code), number, trust },
      {
        onMatch: (compared) => void this.#matched(conversation, compared),
        onForget: () => {
          void people.set(code, { verified: undefined });
          this.#refresh();
        },
      },
    );
  }

  async #matched(conversation: Conversation, compared: string): Promise<void> {
    const { code } = conversation;
    const { people } = this.#options;
    if (conversation.keyChanged) {
      await conversation.acceptChangedKey();
      this.#talks?.note(code, 'You trust their new key. Messages that were waiting have to be sent again.');
    }
    void people.set(code, { verified: compared, key: conversation.identityKey ?? undefined });
    this.#refreshNow();
    this.#composer.focus();
  }

  #setStanding(standing: 'friend' | 'blocked'): void {
    const code = this.#current;
    if (code === null) return;
    void this.#options.people.set(code, { standing });
    this.#talks?.standingChanged(code);
    this.#refreshNow();
    if (standing === 'friend')
      this.#withConversation((open) => {
        for (const entry of this.#options.history.of(code)) this.#files.offered(open, entry);
      });
    // What has been on the screen as a request is seen now, and its links work.
    this.#thread.open();
    if (standing === 'friend') this.#composer.focus();
  }

  #deleteConversation(): void {
    const code = this.#current;
    if (code === null) return;
    for (const { file } of this.#options.history.of(code))
      if (file !== undefined) this.#files.forget(file.id, this.#talks?.get(code));
    this.#options.history.removeAll(code);
    drafts.keep(code, '');
    void this.#options.people.set(code, { hidden: true });
    this.#go(null);
  }

  /** Whatever is in the list: of the SDK, or only of the history. */
  #codes(): string[] {
    const { people, history } = this.#options;
    const codes = new Set([...(this.#talks?.codes ?? []), ...people.codes, ...history.codes]);
    return [...codes].filter((code) => people.get(code)?.hidden !== true);
  }

  #find(words: string): FoundMessage[] {
    const { history, people } = this.#options;
    const wanted = words.toLowerCase();
    const found = this.#codes().flatMap((code) =>
      history
        .of(code)
        .filter(({ text, note }) => note !== true && text.toLowerCase().includes(wanted))
        .slice(-FOUND_MAX)
        .map((entry) => ({ code, name: people.nameOf(code), entry })),
    );
    return found.sort((left, right) => right.entry.atMs - left.entry.atMs).slice(0, FOUND_MAX);
  }

  /** Soon, and once for many changes. Timers run in hidden tabs too, where the title counts what is new. */
  #refresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    setTimeout(() => this.#refreshNow(), 16);
  }

  #refreshNow(): void {
    this.#refreshing = false;
    this.#list.show(this.#listed(), this.#current);
    this.#showBanner();
    if (this.#current === null) return;
    const { people } = this.#options;
    const code = this.#current;
    const name = people.nameOf(code);
    const person = people.get(code);
    byId('talk-name', HTMLElement).textContent = name;
    byId('talk-code', HTMLElement).textContent = name === code ? '' : code;
    byId('talk-tile', HTMLElement).replaceChildren(tile(person?.key ?? code));
    byId('talk-state', HTMLElement).textContent = this.#stateWords();
    byId('safety-open', HTMLButtonElement).hidden = this.#conversation?.identityKey == null;
    const standing = this.#standing;
    this.#composer.allow(
      standing === 'before' || standing === 'request' || standing === 'blocked'
        ? 'never'
        : this.#mayWrite
          ? 'yes'
          : 'not now',
    );
  }

  #stateWords(): string {
    const conversation = this.#conversation;
    if (conversation === undefined) return '';
    const trust = trustOf(conversation, this.#options.people.get(conversation.code));
    if (trust === 'changed') return 'The key has changed';
    if ((this.#typing.get(conversation.code) ?? 0) > Date.now()) return 'Typing…';
    if (!conversation.secured) return 'Waiting for their key: what you write is sent as soon as it is here';
    const { timerS } = conversation;
    const lasts = timerS === 0 ? '' : ` · disappears after ${durationWords(timerS)}`;
    return `${trust === 'verified' ? 'Encrypted, and compared' : 'Encrypted end to end'}${lasts}`;
  }

  #listed(): ListedPerson[] {
    const { people, history } = this.#options;
    const listed = this.#codes()
      .filter((code) => people.standing(code) !== 'blocked' || code === this.#current)
      .map((code) => {
        const person = people.get(code);
        return {
          code,
          name: people.nameOf(code),
          key: person?.key ?? code,
          last: history.of(code).at(-1),
          unread: history.unread(code),
          request: person?.standing === 'request',
          trust: trustOf(this.#talks?.get(code), person),
          draft: drafts.of(code),
        };
      });
    const latestMs = ({ last }: ListedPerson) => last?.cameMs ?? last?.atMs ?? Number.MAX_SAFE_INTEGER;
    return listed.sort((left, right) => latestMs(right) - latestMs(left));
  }

  #beginning(): Node {
    const code = this.#current ?? '';
    const name = this.#options.people.nameOf(code);
    const compare = make('button', { class: 'quiet', text: 'Compare the safety number' });
    compare.type = 'button';
    compare.addEventListener('click', () => this.#compare());
    return emptyThread(
      [
        `This is the beginning of your conversation with ${name}.`,
        'What you write is encrypted in this browser, and only they can decrypt it.',
        `If ${name} is away, it waits at the relay until they open keyrelay. You have not compared your safety numbers yet.`,
      ],
      this.#conversation?.identityKey == null ? null : compare,
    );
  }

  #showBanner(): void {
    const code = this.#current;
    const { people, onNewCode, onUseHere } = this.#options;
    const person = code === null ? undefined : people.get(code);
    const situation: Situation = {
      connection: this.#connection,
      retryAtMs: this.#retryAtMs,
      nowMs: Date.now(),
      storageBroken: this.#storageBroken,
      open:
        code === null
          ? null
          : {
              name: people.nameOf(code),
              trust: trustOf(this.#conversation, person),
              standing: people.standing(code),
              wasVerified: person?.verified !== undefined,
              full: this.#talks?.isFull(code) ?? false,
              downgraded: this.#talks?.isDowngraded(code) ?? false,
            },
    };
    const actions = {
      onReload: () => location.reload(),
      onUseHere,
      onNewCode,
      onRetry: () => this.#relay?.retryNow(),
      onCompare: () => this.#compare(),
      onWeakerKeys: () => {
        if (code !== null) void this.#talks?.acceptWeakerKeys(code);
      },
      onAccept: () => this.#setStanding('friend'),
      onBlock: () => this.#setStanding('blocked'),
      onUnblock: () => this.#setStanding('friend'),
      onDelete: () => this.#deleteConversation(),
    };
    this.#banner.show(bannerFor(situation, actions), code);
  }
}
