import type { Conversation } from '../../client/index.ts';
import type { KeptFiles } from '../kept/files.ts';
import type { Entry, History } from '../kept/history.ts';
import { Attach } from '../views/thread/attach.ts';
import { beginning } from '../views/thread/beginning.ts';
import { Composer } from '../views/thread/composer.ts';
import { fileCard } from '../views/thread/file-card.ts';
import { Header } from '../views/thread/header.ts';
import { MessageSheet } from '../views/thread/message-sheet.ts';
import { Thread } from '../views/thread/thread.ts';
import type { PageState } from './page-state.ts';
import type { Files } from './talks/files.ts';
import { inParts } from './talks/long-text.ts';

export interface TalkPaneOptions {
  readonly state: PageState;
  readonly history: History;
  readonly kept: KeptFiles;
  readonly files: Files;
  readonly onBack: () => void;
  readonly onCompare: () => void;
  readonly onPerson: () => void;
  readonly onDelete: (entry: Entry) => void;
}

/** Everything that shows the open conversation: header, thread, composer, the sheet about a message. */
export class TalkPane {
  readonly thread: Thread;
  readonly composer: Composer;
  readonly #options: TalkPaneOptions;
  readonly #header: Header;
  readonly #messageSheet: MessageSheet;

  constructor(options: TalkPaneOptions) {
    this.#options = options;
    const { state, files } = options;
    this.#header = new Header({
      back: options.onBack,
      compare: options.onCompare,
      person: options.onPerson,
    });
    this.#messageSheet = new MessageSheet({
      onReply: (entry) => this.composer.reply(entry),
      onCopy: ({ text }) => void navigator.clipboard?.writeText(text),
      onDelete: options.onDelete,
      onRetry: (entry) => {
        options.onDelete(entry);
        if (state.code !== null) state.talks?.retry(state.code, entry);
      },
    });
    this.thread = this.#makeThread();
    this.composer = new Composer({
      onTyping: () => state.conversation?.typing(),
      onSend: (text, replyTo) => {
        if (state.code !== null) state.talks?.send(state.code, text, replyTo);
      },
      partsOf: (text) => {
        const bytesMax = state.conversation?.maxBodyBytes;
        return bytesMax === undefined || text.length * 4 < bytesMax ? 1 : inParts(text, bytesMax).length;
      },
    });
    new Attach((chosen) => {
      if (!state.mayWrite) return;
      for (const file of chosen) this.#withConversation((open) => void files.send(open, file));
    });
  }

  /** Another conversation is open now. */
  open(code: string): void {
    this.composer.open(code);
    this.refresh();
    this.thread.open();
    this.composer.focus();
  }

  added(code: string): void {
    if (this.#isOpen(code)) this.thread.added();
  }

  updated(code: string, entry: Entry): void {
    if (this.#isOpen(code)) this.thread.window.update(entry);
  }

  renamed(code: string, id: string, entry: Entry): void {
    if (this.#isOpen(code)) this.thread.window.renamed(id, entry);
  }

  removed(code: string, id: string): void {
    if (this.#isOpen(code)) this.thread.removed(id);
  }

  fileMoved(code: string, file: string): void {
    if (this.#isOpen(code)) this.thread.window.fileMoved(file);
  }

  /** Who it is, how it is protected, and whether one may write. */
  refresh(): void {
    const { code, people, person, conversation, standing, mayWrite, words } = this.#options.state;
    if (code === null) return;
    const canCompare = conversation?.identityKey != null;
    this.#header.show({ code, name: people.nameOf(code), key: person?.key ?? code, words, canCompare });
    const toRead = standing === 'before' || standing === 'request' || standing === 'blocked';
    this.composer.allow(toRead ? 'never' : mayWrite ? 'yes' : 'not now');
  }

  #isOpen(code: string): boolean {
    return code === this.#options.state.code;
  }

  #withConversation(act: (conversation: Conversation) => void): void {
    const { conversation } = this.#options.state;
    if (conversation !== undefined) act(conversation);
  }

  #makeThread(): Thread {
    const { state, history, kept, files, onCompare } = this.#options;
    return new Thread({
      entries: () => history.of(state.code ?? ''),
      links: () => state.standing !== 'request',
      quoted: (id) => history.get(state.code ?? '', id),
      onAbout: ({ id }) => {
        const entry = history.get(state.code ?? '', id);
        if (entry !== undefined) this.#messageSheet.open(entry, { write: state.mayWrite });
      },
      onQuoted: (id) => this.thread.showMessage(id),
      file: (entry) =>
        fileCard(entry, {
          progress: (file) => files.progress.get(file),
          get: (file) => kept.get(file),
          onFetch: (fetched) => this.#withConversation((open) => files.fetch(open, fetched)),
          onCancel: ({ file }) => this.#withConversation((open) => files.cancel(open, file?.id ?? '')),
        }),
      onSeen: ({ id }) => {
        if (state.code !== null && state.standing !== 'request') state.talks?.seen(state.code, id);
      },
      empty: () =>
        beginning(
          state.people.nameOf(state.code ?? ''),
          state.conversation?.identityKey == null ? null : onCompare,
        ),
    });
  }
}
