import { ClientError, type ConnectionState, type Relay } from '../../client/index.ts';
import { byId } from '../dom/dom.ts';
import { drafts } from '../kept/drafts.ts';
import { keepForGood } from '../kept/everything.ts';
import type { KeptFiles } from '../kept/files.ts';
import type { Entry, History } from '../kept/history.ts';
import type { People } from '../kept/people.ts';
import { Banner } from '../views/banner.ts';
import { ConversationList } from '../views/people/conversation-list.ts';
import { NewConversation } from '../views/people/new-conversation.ts';
import { ScanSheet } from '../views/people/scan-sheet.ts';
import { codeInAddress, goTo, onAddress, readInvitation } from './address.ts';
import { ListedPeople } from './listed-people.ts';
import { notify, onNotificationClick } from './notify.ts';
import { PageState } from './page-state.ts';
import { PersonDecisions } from './person-decisions.ts';
import { bannerFor } from './status.ts';
import { TalkPane } from './talk-pane.ts';
import { Expiry } from './talks/expiry.ts';
import { Files } from './talks/files.ts';
import { Talks, type TalksOptions } from './talks/talks.ts';
import { wordsFor } from './talks/words.ts';

export interface ChatOptions {
  readonly history: History;
  readonly people: People;
  readonly files: KeptFiles;
  readonly onNewCode: () => void;
  readonly onUseHere: () => void;
}

/** The page as a whole: puts its parts together, opens conversations, and has each part show what has changed. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #state: PageState;
  readonly #listed: ListedPeople;
  readonly #list: ConversationList;
  readonly #pane: TalkPane;
  readonly #banner = new Banner();
  readonly #newConversation: NewConversation;
  readonly #decisions: PersonDecisions;
  readonly #files: Files;
  readonly #events: Pick<TalksOptions, 'onAdded' | 'onUpdated' | 'onRenamed'>;
  #relay: Relay | null = null;
  #refreshing = false;

  constructor(options: ChatOptions) {
    this.#options = options;
    const { history, people } = options;
    this.#state = new PageState(people);
    this.#listed = new ListedPeople(this.#state, history);
    this.#events = {
      onAdded: (code, entries) => this.#added(code, entries),
      onUpdated: (code, entry) => {
        this.#pane.updated(code, entry);
        this.#refresh();
      },
      onRenamed: (code, id, entry) => this.#pane.renamed(code, id, entry),
    };
    this.#files = new Files({
      ...this.#events,
      history,
      kept: options.files,
      onMoved: (code, file) => this.#pane.fileMoved(code, file),
    });
    this.#list = new ConversationList({
      onChoose: (code) => this.#go(code),
      onFound: (code, id) => {
        this.#go(code);
        this.#pane.thread.showMessage(id);
      },
      find: (words) => this.#listed.find(words),
    });
    const scanSheet = new ScanSheet();
    this.#newConversation = new NewConversation((text) => this.#start(text), scanSheet);
    this.#decisions = new PersonDecisions({
      state: this.#state,
      scanSheet,
      onChanged: (now) => (now === 'now' ? this.#refreshNow() : this.#refresh()),
      onStanding: () => this.#standingChanged(),
      onWritable: () => this.#pane.composer.focus(),
      onDelete: () => this.#deleteConversation(),
    });
    this.#pane = new TalkPane({
      state: this.#state,
      history,
      kept: options.files,
      files: this.#files,
      onBack: () => {
        const before = this.#state.code;
        this.#go(null);
        if (before !== null) this.#list.focus(before);
      },
      onCompare: () => this.#decisions.compare(),
      onPerson: () => this.#decisions.show(),
      onDelete: (entry) => this.#deleteHere(entry),
    });
    new Expiry(history, (code, entries) => this.#gone(code, entries));
    onNotificationClick((address) => {
      location.hash = address;
    });
    onAddress(() => this.#route());
    for (const event of ['focus', 'online']) addEventListener(event, () => this.#relay?.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#relay?.retryNow();
    });
    setInterval(() => {
      if (this.#state.connection.state === 'offline') this.#showBanner();
    }, 1_000);
    this.#route();
    this.#refreshNow();
  }

  /** Another tab has the connection: what is here can be read. */
  elsewhere(takeOver: () => void): void {
    this.#state.elsewhere(takeOver);
    this.#refresh();
  }

  /** The history may have been read anew. */
  connect(relay: Relay): void {
    this.#relay = relay;
    this.#state.talks = new Talks({
      ...this.#options,
      ...this.#events,
      relay,
      onAttached: (conversation) => this.#files.attach(conversation),
      onTyping: (code) => {
        void this.#state.typed(code).then(() => this.#refresh());
        this.#refresh();
      },
      onChanged: () => this.#refresh(),
    });
    this.#newConversation.enable();
    this.#state.code = null;
    this.#route();
    this.#refreshNow();
  }

  stateChanged(state: ConnectionState): void {
    const { talks, code } = this.#state;
    this.#state.connected(state);
    if (state.state === 'live') {
      this.settleRefusals();
      if (code !== null) talks?.recheck(code);
    }
    this.#refresh();
  }

  /** The relay may not refuse what the page refuses: just connected, or a setting is another one. */
  settleRefusals(): void {
    this.#state.talks?.refusals.settle();
  }

  unblock(code: string): void {
    void this.#options.people.set(code, { standing: 'friend' });
    this.#state.talks?.standingChanged(code);
    this.#refresh();
  }

  storageBroken(): void {
    this.#state.storageBroken = true;
    this.#refresh();
  }

  async #start(text: string): Promise<string | null> {
    const { talks } = this.#state;
    if (talks === null) return 'This page is not connected yet.';
    try {
      const { code } = await talks.start(readInvitation(text) ?? text);
      this.#go(code);
      this.#pane.composer.focus();
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
    if (code === null || this.#listed.codes.includes(code)) {
      this.#open(code);
      return;
    }
    if (this.#state.talks === null) return;
    window.history.replaceState(null, '', '/');
    this.#open(null);
    if (code !== this.#relay?.code) this.#newConversation.open(code);
  }

  #open(code: string | null): void {
    const again = code === this.#state.code;
    this.#state.code = code;
    document.body.dataset.pane = code === null ? 'home' : 'talk';
    byId('talk-empty', HTMLElement).hidden = code !== null;
    byId('talk', HTMLElement).hidden = code === null;
    if (code !== null && !again) {
      this.#refreshNow();
      this.#pane.open(code);
      this.#state.talks?.recheck(code);
    } else this.#refresh();
  }

  #added(code: string, entries: readonly Entry[]): void {
    const { people, talks } = this.#state;
    const conversation = talks?.conversations.get(code);
    if (conversation !== undefined && people.standing(code) === 'friend')
      for (const entry of entries) if (!entry.mine) this.#files.offered(conversation, entry);
    if (entries.some(({ mine }) => !mine)) this.#state.typingUntilMs.delete(code);
    this.#pane.added(code);
    if (entries.some(({ note }) => note !== true)) void keepForGood();
    if (entries.some(({ mark }) => mark === 'new')) void notify(code, people.nameOf(code));
    this.#refresh();
  }

  #deleteHere(entry: Entry): void {
    const { code } = this.#state;
    if (code === null) return;
    this.#options.history.remove(code, entry.id);
    this.#gone(code, [entry]);
  }

  /** These are no longer in the history. */
  #gone(code: string, entries: readonly Entry[]): void {
    for (const { id, file } of entries) {
      this.#pane.removed(code, id);
      if (file !== undefined) this.#files.forget(file.id, this.#state.talks?.conversations.get(code));
    }
    this.#refresh();
  }

  /** What has been on the screen as a request is seen now, its links work, and its files are fetched. */
  #standingChanged(): void {
    this.#refreshNow();
    const { standing, conversation } = this.#state;
    if (standing === 'friend' && conversation !== undefined)
      for (const entry of this.#options.history.of(conversation.code))
        this.#files.offered(conversation, entry);
    this.#pane.thread.open();
  }

  #deleteConversation(): void {
    const { code, people, talks } = this.#state;
    const { history } = this.#options;
    if (code === null) return;
    for (const { file } of history.of(code))
      if (file !== undefined) this.#files.forget(file.id, talks?.conversations.get(code));
    history.removeAll(code);
    drafts.keep(code, '');
    void people.set(code, { hidden: true });
    this.#go(null);
  }

  /** Soon, and once for many changes. Timers run in hidden tabs too, where the title counts what is new. */
  #refresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    setTimeout(() => this.#refreshNow(), 16);
  }

  #refreshNow(): void {
    this.#refreshing = false;
    this.#list.show(this.#listed.listed, this.#state.code);
    this.#showBanner();
    this.#pane.refresh();
  }

  #showBanner(): void {
    const { code, talks, situation } = this.#state;
    const { onNewCode, onUseHere } = this.#options;
    const actions = {
      onReload: () => location.reload(),
      onUseHere,
      onNewCode,
      onRetry: () => this.#relay?.retryNow(),
      onCompare: () => this.#decisions.compare(),
      onWeakerKeys: () => {
        if (code !== null) void talks?.acceptWeakerKeys(code);
      },
      onAccept: () => this.#decisions.setStanding('friend'),
      onBlock: () => this.#decisions.setStanding('blocked'),
      onReport: () => this.#decisions.report(),
      onUnblock: () => this.#decisions.setStanding('friend'),
      onDelete: () => this.#deleteConversation(),
    };
    this.#banner.show(bannerFor(situation, actions), code);
  }
}
