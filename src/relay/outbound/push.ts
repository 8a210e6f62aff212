import type {
  Engine,
  MailboxId,
  ReadResult,
  SessionKey,
  SessionState,
  StoredEnvelope,
  WakeUp,
} from '../../engine/engine.ts';
import { isAfter } from '../../engine/mailbox-id.ts';
import type { SendResult } from '../transport/socket.ts';
import type { Window } from './window.ts';

/** One page of a backlog; the window may ask for less. */
const PAGE_BYTES_MAX = 256 * 1024;
const READ_RETRY_MS_MIN = 250;
/** Short, because senders are told `unavailable` meanwhile and Redis may be back: while it is away, calls fail at once. */
const READ_RETRY_MS_MAX = 2_000;

/** Why a mailbox is read. */
export type ReadCause = 'login' | 'gap' | 'window' | 'look' | 'reclaim';

/** What pushing asks of its session. */
export interface PushHost {
  readonly engine: Pick<Engine, 'read'>;
  readonly session: SessionKey;
  readonly window: Window;
  /** Lets a bounded number of reads run at once on this node. */
  readonly reads: { run<T>(task: () => Promise<T>): Promise<T> };
  send(frame: Buffer, id: MailboxId): SendResult;
  cork(sends: () => void): void;
  /** What was to be sent in this turn, or as much as the socket took, has been handed to it. */
  onTurnOver(): void;
  onRead(cause: ReadCause, envelopes: number): void;
  onWindowFull(): void;
  /** An entry of the mailbox is no envelope. Resolves when it has been set aside; false: it is still there. */
  setAside(id: MailboxId): Promise<boolean>;
  /** Handing this envelope to the socket has failed. Nothing more is pushed here. */
  onUnsendable(id: MailboxId, error: unknown): void;
  onLost(state: Exclude<SessionState, 'held'>): void;
  /** The mailbox has been pushed at least up to what waited at login. Called once. */
  onDrained(): void;
}

/**
 * Mailbox → socket. Either *live*: a wake-up that continues exactly where the socket stands is sent as it is; or
 * *reading*: the mailbox is read from the cursor, page by page, and wake-ups only move `heard`.
 * A wake-up whose `prev` is not the cursor is never sent: were 5 lost and 6 pushed, the cumulative receipt for 6
 * would trim 5 unseen.
 */
export class Push {
  readonly #host: PushHost;
  /** The last id handed to the socket, or known to be gone from the mailbox; null: nothing yet. Never goes back. */
  #cursor: MailboxId | null = null;
  /** The newest id of the mailbox that anything has told of. Behind it there may be more to read. */
  #heard: MailboxId;
  /** Where `drained` is due; null once told. */
  #loginLast: MailboxId | null;
  /** Live envelopes of this turn of the event loop, sent together. Empty while reading. */
  #staged: WakeUp[] = [];
  /** Sum over `#staged`. May pass what the window has left by one envelope. */
  #stagedBytes = 0;
  #reading = false;
  /** A look that came while nothing could be sent. Made good at the next chance. */
  #owedLook: 'look' | 'reclaim' | null = null;
  /** The socket's reader is slow: wait for its drain. */
  #blocked = false;
  #ended = false;
  #retryMs = READ_RETRY_MS_MIN;

  /** @param last the newest id of the mailbox at login, with `waiting` envelopes up to it */
  constructor(host: PushHost, login: { readonly last: MailboxId; readonly waiting: number }) {
    this.#host = host;
    this.#heard = login.last;
    this.#loginLast = login.last;
    if (login.waiting === 0) this.#cursor = login.last;
  }

  get cursor(): MailboxId | null {
    return this.#cursor;
  }

  /** Nothing can be sent until the client confirms, or reads. */
  get stalled(): boolean {
    return this.#blocked || this.#host.window.full;
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
  look(cause: 'look' | 'reclaim'): void {
    this.#owedLook = cause;
    this.#readIfBehind(cause);
  }

  /** The window has room again, or the socket has drained. */
  resume(socketDrained: boolean): void {
    if (socketDrained) this.#blocked = false;
    this.#readIfBehind('window');
  }

  #readIfBehind(cause: ReadCause): void {
    if (this.#ended || this.#reading) return;
    // What is staged goes first; then the mailbox says what lies behind it.
    this.#flush();
    if (this.#ended || this.#blocked) return;
    const behind = this.#cursor === null || isAfter(this.#heard, this.#cursor);
    if (!behind && this.#owedLook === null) return;
    if (this.#host.window.full) {
      if (behind) this.#host.onWindowFull();
      return;
    }
    const owed = this.#owedLook;
    this.#owedLook = null;
    void this.#read(behind ? cause : (owed ?? cause));
  }

  /** Whether the window takes one more envelope beside those that are staged. */
  get #hasRoom(): boolean {
    const { window } = this.#host;
    return this.#staged.length < window.envelopesLeft && this.#stagedBytes < window.bytesLeft;
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
    // Whatever did not fit was heard of, and is read when the socket has drained or the window has room.
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
    const { engine, session, window, reads } = this.#host;
    const after = this.#cursor;
    let page: ReadResult;
    try {
      page = await reads.run(() =>
        engine.read({
          session,
          after,
          maxEnvelopes: Math.max(1, window.envelopesLeft),
          maxBytes: Math.min(PAGE_BYTES_MAX, Math.max(1, window.bytesLeft)),
        }),
      );
    } catch {
      // The engine has told its observer why. The mailbox waits: come back later.
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs * (0.5 + Math.random() / 2)).unref());
      this.#retryMs = Math.min(this.#retryMs * 2, READ_RETRY_MS_MAX);
      return this.#ended ? null : cause;
    }
    this.#retryMs = READ_RETRY_MS_MIN;
    if (this.#ended) return null;
    if (page.state !== 'held') {
      this.#host.onLost(page.state);
      return null;
    }
    this.#host.onRead(cause, page.envelopes.length);
    if (isAfter(page.last, this.#heard)) this.#heard = page.last;
    if (page.envelopes.length === 0) {
      // Nothing lies behind the cursor: what was there has left the mailbox. Live from here.
      this.#cursor = page.last;
      this.#tellIfDrained();
    } else {
      this.#sendAll(await this.#readable(page.envelopes));
    }
    if (this.#ended || this.#blocked || window.full) return null;
    return this.#cursor === null || isAfter(this.#heard, this.#cursor) ? cause : null;
  }

  /**
   * Without the entries that have been set aside. The cursor never stands on one of those: the store knows it no more.
   * Where setting aside failed the entry is passed over, and comes again at the next login.
   */
  async #readable(envelopes: readonly StoredEnvelope[]): Promise<readonly StoredEnvelope[]> {
    const gone = new Set<MailboxId>();
    for (const { id, frame } of envelopes) {
      if (frame === null && (await this.#host.setAside(id))) gone.add(id);
    }
    return gone.size === 0 ? envelopes : envelopes.filter(({ id }) => !gone.has(id));
  }

  /** Hands envelopes to the socket in order, until it says stop. The cursor moves with what was taken. */
  #sendAll(envelopes: readonly StoredEnvelope[]): void {
    const { window } = this.#host;
    this.#host.cork(() => {
      for (const { id, frame } of envelopes) {
        if (this.#ended || this.#blocked) break;
        if (frame === null) {
          this.#cursor = id;
          continue;
        }
        const result = this.#send(frame, id);
        if (result === 'dropped') {
          this.end();
          return;
        }
        if (result === 'buffered') this.#blocked = true;
        this.#cursor = id;
        window.add(id, frame.length);
      }
      this.#tellIfDrained();
      // Behind a slow reader too: if the window is full, it would wait for its receipt for ever.
      this.#host.onTurnOver();
    });
  }

  #send(frame: Buffer, id: MailboxId): SendResult {
    try {
      return this.#host.send(frame, id);
    } catch (error) {
      // Thrown on, it would end the process, at the next login again, and so for ever.
      this.#host.onUnsendable(id, error);
      return 'dropped';
    }
  }

  #tellIfDrained(): void {
    if (this.#loginLast === null || this.#cursor === null || isAfter(this.#loginLast, this.#cursor)) return;
    this.#loginLast = null;
    this.#host.onDrained();
  }
}
