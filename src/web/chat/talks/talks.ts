import { ClientError, type Conversation, type Relay } from '../../../client/index.ts';
import type { Entry, History, Mark } from '../../kept/history.ts';
import type { People } from '../../kept/people.ts';
import { readSettings } from '../../kept/settings.ts';
import { entryOf, lasting, UNSENT } from './entries.ts';
import { timerNote } from './expiry.ts';
import { inParts } from './long-text.ts';
import { ReadReceipts } from './read-receipts.ts';
import { Refusals } from './refusals.ts';
import { wordsFor } from './words.ts';

export interface TalksOptions {
  readonly relay: Relay;
  readonly history: History;
  readonly people: People;
  /** The SDK has this conversation. */
  readonly onAttached: (conversation: Conversation) => void;
  /** Messages were added at the end. */
  readonly onAdded: (code: string, entries: readonly Entry[]) => void;
  readonly onUpdated: (code: string, entry: Entry) => void;
  readonly onRenamed: (code: string, id: string, entry: Entry) => void;
  /** They type. */
  readonly onTyping: (code: string) => void;
  /** Anything else about this person: keys, names, whether their mailbox is full. */
  readonly onChanged: (code: string) => void;
}

/** The key of a person is asked for again when their conversation is opened, but not more often. */
const RECHECK_AFTER_MS = 60_000;

/** The SDK's conversations, and what they do to the history. */
export class Talks {
  readonly refusals: Refusals;
  readonly #options: TalksOptions;
  readonly #conversations = new Map<string, Conversation>();
  /** Messages that the relay does not take because a mailbox is full, by code. */
  readonly #full = new Map<string, Set<string>>();
  readonly #downgraded = new Set<string>();
  readonly #receipts = new ReadReceipts(this.#conversations);
  readonly #recheckedMs = new Map<string, number>();
  #unsent = 0;

  constructor(options: TalksOptions) {
    this.#options = options;
    const { relay, history, people } = options;
    this.refusals = new Refusals(relay, people);
    for (const code of history.codes) this.#failUnsent(code);
    for (const conversation of relay.conversations) this.#attach(conversation);
    relay.on('conversation', ({ conversation }) => {
      const { code } = conversation;
      // They were first to write.
      if (people.get(code) === undefined) void people.set(code, { standing: 'request' });
      this.#attach(conversation);
    });
  }

  /** By code. */
  get conversations(): ReadonlyMap<string, Conversation> {
    return this.#conversations;
  }

  /** Codes of people who offer weaker keys than before. */
  get downgraded(): ReadonlySet<string> {
    return this.#downgraded;
  }

  isFull(code: string): boolean {
    return (this.#full.get(code)?.size ?? 0) > 0;
  }

  async acceptWeakerKeys(code: string): Promise<void> {
    await this.#conversations.get(code)?.acceptWeakerKeys();
    this.#downgraded.delete(code);
    this.#options.onChanged(code);
  }

  /** With a code as people write it. Throws what `startConversation` throws. */
  async start(code: string): Promise<Conversation> {
    const { relay, people, history } = this.#options;
    const conversation = await relay.startConversation(code);
    const before = people.get(conversation.code);
    if (before?.standing === 'before') {
      void people.set(conversation.code, {
        standing: 'friend',
        verified: undefined,
        key: undefined,
        hidden: undefined,
      });
      this.note(
        conversation.code,
        'You start again, with new keys on both sides: what stands above is from before.',
      );
    } else if (before?.standing !== 'blocked') {
      void people.set(conversation.code, { standing: 'friend', hidden: undefined });
    }
    this.#attach(conversation);
    void history.stored();
    return conversation;
  }

  /** What the page holds of this person has changed: a friend is answered, and the relay blocks for us. */
  standingChanged(code: string): void {
    const conversation = this.#conversations.get(code);
    if (conversation !== undefined) this.#answerFriend(conversation);
    this.refusals.settle();
  }

  /** Asks whether the relay still names the same key. */
  recheck(code: string): void {
    const { relay, people } = this.#options;
    const now = performance.now();
    if (
      relay.state.state !== 'live' ||
      now - (this.#recheckedMs.get(code) ?? -RECHECK_AFTER_MS) < RECHECK_AFTER_MS
    )
      return;
    if (people.standing(code) !== 'friend') return;
    this.#recheckedMs.set(code, now);
    relay.startConversation(code).then(
      // After a move to another browser the SDK meets everybody anew.
      (conversation) => {
        this.#attach(conversation);
        this.#options.onChanged(code);
      },
      () => this.#recheckedMs.delete(code),
    );
  }

  /** Shows the message first, then has it stored and sent; long texts go as several. */
  send(code: string, text: string, replyTo: string | null): void {
    const conversation = this.#conversations.get(code);
    if (conversation === undefined) return;
    const { relay } = this.#options;
    if (relay.state.state === 'offline') relay.retryNow();
    const parts = inParts(text, conversation.maxBodyBytes);
    for (const [index, part] of parts.entries())
      void this.#sendOne(conversation, part, index === 0 ? replyTo : null);
  }

  retry(code: string, entry: Entry): void {
    this.send(code, entry.text, entry.replyTo ?? null);
  }

  /** After how many seconds messages disappear; 0: they do not. */
  setTimer(code: string, seconds: number): void {
    const conversation = this.#conversations.get(code);
    if (conversation === undefined || conversation.timerS === seconds) return;
    conversation.setTimer(seconds).then(
      () => {
        this.note(code, timerNote(seconds, 'you'));
        this.#options.onChanged(code);
      },
      (error: ClientError) => this.note(code, `The timer was not set: ${wordsFor(error)}`),
    );
  }

  /** Shows the relay's operators what this person sent last. Resolves with what went wrong; null if nothing did. */
  async report(code: string, reason: string): Promise<string | null> {
    try {
      const messages = await this.#options.relay.report(code, { reason });
      const many = messages === 1 ? 'the last message' : `the last ${messages} messages`;
      this.note(code, `You have reported ${many} to the people who run the relay.`);
      return null;
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
      return wordsFor(cause);
    }
  }

  note(code: string, text: string): void {
    const entry = {
      id: `note-${crypto.randomUUID?.() ?? Math.random()}`,
      mine: false,
      text,
      atMs: Date.now(),
    };
    this.#add(code, { ...entry, mark: 'seen', note: true });
  }

  /** Has seen everything up to this message. */
  seen(code: string, id: string): void {
    const { history, people, onChanged } = this.#options;
    history.seenUpTo(code, id);
    onChanged(code);
    if (!readSettings().receipts || people.standing(code) !== 'friend') return;
    this.#receipts.read(code, id);
  }

  /** Also one whom the SDK meets as a stranger: after a move to another browser, say. */
  #answerFriend(conversation: Conversation): void {
    if (conversation.accepted || this.#options.people.standing(conversation.code) !== 'friend') return;
    conversation.accept().catch(() => {});
  }

  async #sendOne(conversation: Conversation, text: string, replyTo: string | null): Promise<void> {
    const { code } = conversation;
    const { history, onUpdated, onRenamed } = this.#options;
    const unsent = `${UNSENT}${Date.now()}-${this.#unsent++}`;
    const lasts = lasting(conversation);
    const entry = { id: unsent, mine: true, text, atMs: Date.now(), mark: 'waiting', ...lasts } as const;
    this.#add(code, replyTo === null ? entry : { ...entry, replyTo });
    const { name } = readSettings();
    try {
      const id = await conversation.send(text, {
        ...(replyTo === null || replyTo.startsWith(UNSENT) ? {} : { replyTo }),
        ...(name === '' ? {} : { name }),
        ...lasts,
      });
      const named = history.rename(code, unsent, id);
      if (named !== null) onRenamed(code, unsent, named);
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
      const failed = history.mark(code, unsent, 'failed', wordsFor(cause));
      if (failed !== null) onUpdated(code, failed);
    }
  }

  #attach(conversation: Conversation): void {
    const { code } = conversation;
    if (this.#conversations.has(code)) return;
    const { people, history, onChanged } = this.#options;
    this.#conversations.set(code, conversation);
    if (people.get(code) === undefined) {
      // From before there were requests: whom this user has answered is no stranger.
      const answered = history.of(code).some(({ mine }) => mine);
      void people.set(code, { standing: answered ? 'friend' : 'request' });
    }
    for (const mark of ['stored', 'delivered', 'read'] as const)
      conversation.on(mark, ({ id }) => this.#mark(code, id, mark));
    conversation.on('failed', ({ id, error }) => this.#mark(code, id, 'failed', wordsFor(error)));
    conversation.on('waiting', ({ id, why }) => {
      if (why !== 'mailbox_full') return;
      const full = this.#full.get(code) ?? new Set();
      this.#full.set(code, full.add(id));
      onChanged(code);
    });
    conversation.on('secured', () => this.#learn(conversation));
    conversation.on('key-changed', () => onChanged(code));
    conversation.on('typing', () => this.#options.onTyping(code));
    conversation.on('timer', () => onChanged(code));
    conversation.on('downgraded', () => {
      this.#downgraded.add(code);
      onChanged(code);
    });
    conversation.on('gap', ({ missing }) =>
      this.note(code, missing === 1 ? 'One message did not arrive.' : `${missing} messages did not arrive.`),
    );
    conversation.on('unreadable', () =>
      this.note(code, 'A message could not be decrypted. Their browser has been asked to send it again.'),
    );
    this.#options.onAttached(conversation);
    this.#answerFriend(conversation);
    this.#learn(conversation);
    void this.#receive(conversation);
  }

  #learn({ code, identityKey }: Conversation): void {
    const { people, onChanged } = this.#options;
    if (identityKey !== null && people.get(code)?.key === undefined)
      void people.set(code, { key: identityKey });
    onChanged(code);
  }

  async #receive(conversation: Conversation): Promise<void> {
    const { code } = conversation;
    const { history, people, onAdded } = this.#options;
    for await (const messages of conversation.batches()) {
      if (people.standing(code) === 'blocked') continue;
      const fresh = messages.map(entryOf).filter((entry) => history.add(code, entry));
      const claim = messages.findLast(({ name }) => name !== undefined)?.name;
      if (claim !== undefined && claim !== people.get(code)?.claim) void people.set(code, { claim });
      if (people.get(code)?.hidden) void people.set(code, { hidden: undefined });
      if (fresh.length > 0) onAdded(code, fresh);
      // Shown at once; handled only when stored, for then the SDK forgets them.
      await history.stored();
    }
  }

  #add(code: string, entry: Entry): void {
    if (this.#options.history.add(code, entry)) this.#options.onAdded(code, [entry]);
  }

  #mark(code: string, id: string, mark: Mark, why?: string): void {
    const full = this.#full.get(code);
    if (full?.delete(id) && full.size === 0) this.#options.onChanged(code);
    const entry = this.#options.history.mark(code, id, mark, why);
    if (entry !== null) this.#options.onUpdated(code, entry);
  }

  /** Messages that had no id yet when the page was closed. */
  #failUnsent(code: string): void {
    const { history } = this.#options;
    for (const { id, mark } of history.of(code).slice(-100)) {
      if (!id.startsWith(UNSENT) || mark !== 'waiting') continue;
      history.mark(code, id, 'failed', 'The page was closed at this moment: it may not have been sent.');
    }
  }
}
