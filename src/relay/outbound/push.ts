import type {
  ClaimResult,
  Engine,
  MailboxId,
  ReadResult,
  SessionKey,
  SessionState,
  StoredEnvelope,
  Subscription,
  WakeUp,
} from '../../engine/engine.ts';
import { isAfter } from '../../engine/mailbox-id.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { retryPause } from '../context/retry.ts';
import { withoutUnreadable } from './dead-letter.ts';
import type { Sender } from './sender.ts';
import type { Window } from './window.ts';

/** One page of a backlog; the window may ask for less. */
const PAGE_BYTES_MAX = 256 * 1024;
/**
 * After a wake-up whose envelope was not there, the next read waits this long. Wake-ups announce what is stored, so
 * this is an unexpected message on the channel, or a store that has lost its tail; either may go on for long.
 */
const COOLDOWN_MS = 1_000;

/** Why a mailbox is read. */
type ReadCause = 'login' | 'gap' | 'window' | 'look' | 'reclaim';

/** What pushing means for the session. */
export interface PushOwner {
  /** The store says that the session does not hold any more. */
  onLost(state: Exclude<SessionState, 'held'>): void;
  /** The store has said that the session holds. @param askedAtMs monotonic */
  onHeld(askedAtMs: number): void;
}

export interface PushOptions {
  readonly context: Pick<RelayContext, 'reads' | 'metrics' | 'log' | 'pushFailures' | 'now'> & {
    readonly engine: Pick<Engine, 'read' | 'deadLetter'>;
  };
  readonly window: Window;
  readonly sender: Sender;
  readonly subscription: Pick<Subscription, 'renew'>;
  readonly owner: PushOwner;
  readonly login: Pick<Extract<ClaimResult, { outcome: 'claimed' }>, 'session' | 'last' | 'waiting'>;
}

/**
 * Mailbox → socket. Either *live*: a wake-up that continues exactly where the socket stands is sent as it is; or
 * *reading*: the mailbox is read from the cursor, page by page, and wake-ups only move `#heard`.
 * A wake-up whose `prev` is not the cursor is never sent: were 5 lost and 6 pushed, the cumulative receipt for 6
 * would trim 5 unseen.
 */
export class Push {
  readonly #context: PushOptions['context'];
  readonly #session: SessionKey;
  readonly #window: Window;
  readonly #sender: Sender;
  readonly #subscription: PushOptions['subscription'];
  readonly #owner: PushOwner;
  /** The last id handed to the socket, or known to be gone from the mailbox; null: nothing yet. Never goes back. */
  #cursor: MailboxId | null = null;
  /**
   * The newest id that a wake-up or a page has told of: while it is after the cursor there is more to read. Each page
   * sets it to what the mailbox really holds, or one wrong wake-up would have the mailbox read for ever.
   */
  #heard: MailboxId;
  /** Where `drained` is due; null once it was sent. */
  #loginLast: MailboxId | null;
  /** Live envelopes of this tick of the event loop, sent together. Empty while reading. */
  #staged: WakeUp[] = [];
  /** Sum over `#staged`. May pass what the window has left by one envelope. */
  #stagedBytes = 0;
  #reading = false;
  /** A poll that came while nothing could be sent. Made good at the next chance. */
  #owedPoll: 'look' | 'reclaim' | null = null;
  /** The socket's reader is slow: wait for its drain. */
  #blocked = false;
  #ended = false;
  /** Reads in a row that the store has not answered. */
  #failures = 0;
  /** Runs after a wake-up announced nothing: reads wait for its end. What continues at the cursor is pushed even so. */
  #cooldown: NodeJS.Timeout | null = null;

  constructor({ context, window, sender, subscription, owner, login }: PushOptions) {
    this.#context = context;
    this.#session = login.session;
    this.#window = window;
    this.#sender = sender;
    this.#subscription = subscription;
    this.#owner = owner;
    this.#heard = login.last;
    this.#loginLast = login.last;
    if (login.waiting === 0) this.#cursor = login.last;
  }

  get cursor(): MailboxId | null {
    return this.#cursor;
  }

  /** A part of what was pushed waits in this node for a slow reader. */
  get buffered(): boolean {
    return this.#blocked;
  }

  /** Nothing can be sent until the client confirms, or reads. */
  get stalled(): boolean {
    return this.#blocked || this.#window.full;
  }

  /** Begins to push what waited. */
  start(): void {
    this.#tellIfDrained();
    this.#readIfBehind('login');
  }

  /** Nothing more is pushed. */
  end(): void {
    this.#ended = true;
    this.#takeStaged();
    if (this.#cooldown !== null) clearTimeout(this.#cooldown);
  }

  wake(wakeUp: WakeUp): void {
    if (this.#ended) return;
    const at = this.#staged.at(-1)?.id ?? this.#cursor;
    if (isAfter(wakeUp.id, this.#heard)) this.#heard = wakeUp.id;
    if (this.#reading || this.#blocked) return;
    if (wakeUp.prev === at && this.#hasRoom) {
      this.#staged.push(wakeUp);
      this.#stagedBytes += wakeUp.frame.length;
      if (this.#staged.length === 1) queueMicrotask(() => this.#flush());
      return;
    }
    this.#readIfBehind('gap');
  }

  /** Reads even if nothing was heard of: wake-ups may have been lost. */
  poll(cause: 'look' | 'reclaim'): void {
    this.#owedPoll = cause;
    this.#readIfBehind(cause);
  }

  /** The window has room again, or the socket has drained. */
  resume(socketDrained: boolean): void {
    if (socketDrained) this.#blocked = false;
    this.#readIfBehind('window');
  }

  /**
   * An envelope that was pushed becomes a dead letter: the cursor must not stand on it, because the store will not know
   * it any more, unless everything before it has left.
   * @param newest the newest envelope of the window beside it
   */
  skip(id: MailboxId, newest: MailboxId | null): void {
    if (this.#cursor === id && newest !== null) this.#cursor = newest;
    this.resume(false);
  }

  #readIfBehind(cause: ReadCause): void {
    if (this.#ended || this.#reading) return;
    // Staged envelopes go first; then the mailbox says what lies behind them.
    this.#flush();
    if (this.#ended || this.#blocked) return;
    const behind = this.#cursor === null || isAfter(this.#heard, this.#cursor);
    if (!behind && this.#owedPoll === null) return;
    if (this.#window.full) {
      if (behind) this.#context.metrics.windowFull.add();
      return;
    }
    if (this.#cooldown !== null) {
      this.#context.metrics.readsPutOff.add();
      return;
    }
    const owed = this.#owedPoll;
    this.#owedPoll = null;
    void this.#read(behind ? cause : (owed ?? cause));
  }

  /** Whether the window takes one more envelope beside the staged ones. */
  get #hasRoom(): boolean {
    return this.#staged.length < this.#window.envelopesLeft && this.#stagedBytes < this.#window.bytesLeft;
  }

  #takeStaged(): readonly WakeUp[] {
    const staged = this.#staged;
    this.#staged = [];
    this.#stagedBytes = 0;
    return staged;
  }

  #flush(): void {
    if (this.#staged.length === 0 || this.#ended) return;
    this.#sendAll(this.#takeStaged());
    // Envelopes that did not fit were heard of: they are read when the socket has drained or the window has room.
  }

  async #read(cause: ReadCause): Promise<void> {
    this.#reading = true;
    let nextCause: ReadCause | null = cause;
    while (nextCause !== null) nextCause = await this.#readPage(nextCause);
    this.#reading = false;
    // A window that filled up while the page was read may have been confirmed in the meantime.
    this.#readIfBehind('window');
  }

  /** The cause of the next page, or null if reading is over. */
  async #readPage(cause: ReadCause): Promise<ReadCause | null> {
    const { engine, reads } = this.#context;
    const after = this.#cursor;
    const heard = this.#heard;
    const askedAtMs = this.#context.now();
    let page: ReadResult;
    try {
      page = await reads.run(() =>
        engine.read({
          session: this.#session,
          after,
          maxEnvelopes: Math.max(1, this.#window.envelopesLeft),
          maxBytes: Math.min(PAGE_BYTES_MAX, Math.max(1, this.#window.bytesLeft)),
        }),
      );
    } catch {
      // The engine has told its observer why. The mailbox waits.
      await retryPause(this.#failures);
      this.#failures += 1;
      return this.#ended ? null : cause;
    }
    this.#failures = 0;
    if (this.#ended) return null;
    if (page.state !== 'held') {
      this.#owner.onLost(page.state);
      return null;
    }
    this.#owner.onHeld(askedAtMs);
    this.#countRead(cause, page.envelopes.length);
    // A wake-up heard while the page was read may be newer than the page.
    if (this.#heard === heard || isAfter(page.last, this.#heard)) this.#heard = page.last;
    if (page.envelopes.length === 0) {
      if (after !== null && isAfter(heard, after)) this.#coolDown();
      // Nothing lies behind the cursor: what was there has left the mailbox. Live from here.
      this.#cursor = page.last;
      this.#tellIfDrained();
    } else {
      const parts = { context: this.#context, session: this.#session };
      this.#sendAll(await withoutUnreadable(parts, page.envelopes));
    }
    if (this.#ended || this.#blocked || this.#cooldown !== null || this.#window.full) return null;
    return this.#cursor === null || isAfter(this.#heard, this.#cursor) ? cause : null;
  }

  #coolDown(): void {
    this.#cooldown = setTimeout(() => {
      this.#cooldown = null;
      this.#readIfBehind('gap');
    }, COOLDOWN_MS).unref();
  }

  #countRead(cause: ReadCause, envelopes: number): void {
    const { metrics } = this.#context;
    metrics.mailboxReads.of(cause).add();
    if (cause !== 'look' || envelopes === 0) return;
    metrics.lostWakeUps.add();
    this.#subscription.renew();
  }

  /** Hands envelopes to the socket in order, until it says stop. The cursor moves with what was taken. */
  #sendAll(envelopes: readonly StoredEnvelope[]): void {
    this.#sender.together(() => {
      for (const { id, frame } of envelopes) {
        if (this.#ended || this.#blocked) break;
        if (frame !== null) {
          const result = this.#sender.send(frame, id);
          if (result === 'dropped') {
            this.end();
            return;
          }
          if (result === 'buffered') this.#blocked = true;
        }
        this.#cursor = id;
      }
      this.#tellIfDrained();
    });
  }

  #tellIfDrained(): void {
    if (this.#loginLast === null || this.#cursor === null || isAfter(this.#loginLast, this.#cursor)) return;
    this.#loginLast = null;
    this.#sender.sendDrained();
  }
}
