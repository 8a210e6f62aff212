import type {
  ClaimResult,
  Engine,
  MailboxId,
  SessionKey,
  SessionState,
  WakeUp,
} from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import { drained } from '../../protocol/frames.ts';
import { restartReason } from '../context/close-reason.ts';
import type { ConfirmBatcher } from '../context/confirm-batcher.ts';
import { withSeq } from '../context/delivered-frame.ts';
import type { RelayContext } from '../context/relay-context.ts';
import type { Semaphore } from '../context/semaphore.ts';
import type { SendResult, Socket } from '../transport/socket.ts';
import { deadLetters } from './dead-letter.ts';
import { Heartbeat } from './heartbeat.ts';
import { Latency } from './latency.ts';
import { Push, type PushHost, type ReadCause } from './push.ts';
import { Receipts, type ReceiptsHost } from './receipts.ts';
import { Window } from './window.ts';

/** What the way out has to tell the session. */
export interface OutboundOwner {
  /** The store says that it does not hold any more. */
  onLost(state: Exclude<SessionState, 'held'>): void;
  /** Something was found that no wake-up had told of. */
  onMissed(): void;
  /** A receipt of nothing, or, with null, a mere sign of life. */
  onNoise(foreign: 'pong' | 'ack' | null): void;
  close(close: CloseName, reason: string): void;
}

export interface OutboundOptions {
  readonly node: RelayContext;
  readonly socket: Socket;
  readonly owner: OutboundOwner;
  readonly login: Extract<ClaimResult, { outcome: 'claimed' }>;
}

/**
 * Mailbox → socket, for one logged-in user: push → window → heartbeat → receipts. It is what its parts ask, itself:
 * there is one for each idle connection, and a closure for each question would be a quarter of its memory.
 */
export class Outbound implements PushHost, ReceiptsHost {
  readonly session: SessionKey;
  readonly window: Window;
  readonly #node: RelayContext;
  readonly #socket: Socket;
  readonly #owner: OutboundOwner;
  readonly #delays: Latency;
  readonly #heartbeat: Heartbeat;
  readonly #receipts: Receipts;
  readonly #push: Push;
  #allConfirmed: (() => void) | null = null;

  constructor({ node, socket, owner, login }: OutboundOptions) {
    const { config, metrics, now } = node;
    this.session = login.session;
    this.window = new Window(config.windowEnvelopes, config.windowBytes);
    this.#node = node;
    this.#socket = socket;
    this.#owner = owner;
    this.#delays = new Latency({ metrics, loginLast: login.last, now, clock: Date.now });
    this.#heartbeat = new Heartbeat({ socket, receipts: login.session.protocol === 1, limits: config, now });
    this.#receipts = new Receipts(this);
    this.#push = new Push(this, login);
  }

  /** After `connect_ack` was sent: what waited follows, then what is live. */
  start(): void {
    this.#push.start();
  }

  get cursor(): MailboxId | null {
    return this.#push.cursor;
  }

  /** Nothing can be sent until the client confirms, or reads. */
  get stalled(): boolean {
    return this.#push.stalled;
  }

  wake(wakeUp: WakeUp): void {
    this.#push.wake(wakeUp);
  }

  look(cause: 'look' | 'reclaim'): void {
    this.#push.look(cause);
  }

  pong(payload: string): void {
    const pong = this.#heartbeat.pong(payload);
    if (pong.kind === 'receipt') {
      this.confirm(pong.id);
      this.#heartbeat.ask();
    } else this.#owner.onNoise(pong.kind === 'foreign' ? 'pong' : null);
  }

  /** A receipt, by pong or ack, for everything up to `id`. */
  confirm(id: MailboxId): void {
    const confirmed = this.window.confirm(id);
    if (confirmed === null) {
      this.#owner.onNoise('ack');
      return;
    }
    this.#node.metrics.envelopesConfirmed.add(confirmed);
    this.#delays.confirmed(id);
    this.#heartbeat.alive();
    this.#receipts.advance(id, confirmed);
    if (this.window.size === 0) this.#allConfirmed?.();
    this.#push.resume(false);
  }

  /** The socket has sent what it had buffered. */
  drain(): void {
    this.#heartbeat.drained();
    this.#push.resume(true);
  }

  /** Called about once a second. False if the client has not answered in time. */
  tick(): boolean {
    return this.#heartbeat.tick();
  }

  /** Nothing more is pushed. */
  end(): void {
    this.#push.end();
  }

  /** Resolves when everything that was pushed is confirmed, or `settle` has been called. */
  confirmed(): Promise<void> {
    if (this.window.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allConfirmed = resolve;
    });
  }

  /** The socket is closed. Resolves when the store knows the last receipts. */
  async settle(): Promise<void> {
    this.end();
    this.#allConfirmed?.();
    await this.#receipts.settle();
  }

  // ── what the parts ask ──

  get engine(): Engine {
    return this.#node.engine;
  }

  get reads(): Semaphore {
    return this.#node.reads;
  }

  get gathering(): ConfirmBatcher {
    return this.#node.confirmBatcher;
  }

  send(frame: Buffer, id: MailboxId): SendResult {
    const bytes = this.session.protocol === 2 ? withSeq(frame, id) : frame;
    const result = this.#socket.send(bytes);
    if (result === 'buffered') this.#node.metrics.backpressure.add();
    if (result !== 'dropped') {
      this.#node.metrics.envelopesPushed.add();
      this.#node.metrics.bytesPushed.add(bytes.length);
      this.#delays.pushed(id);
      this.#heartbeat.pushed(id, bytes.length);
    }
    return result;
  }

  cork(sends: () => void): void {
    this.#socket.cork(sends);
  }

  onTurnOver(): void {
    this.#heartbeat.ask();
  }

  onRead(cause: ReadCause, envelopes: number): void {
    this.#node.metrics.mailboxReads.of(cause).add();
    if (cause !== 'look' || envelopes === 0) return;
    this.#node.metrics.lostWakeUps.add();
    this.#owner.onMissed();
  }

  onWindowFull(): void {
    this.#node.metrics.windowFull.add();
  }

  setAside(id: MailboxId): Promise<boolean> {
    return this.#poisonCare().setAside(id);
  }

  onUnsendable(id: MailboxId, error: unknown): void {
    this.#poisonCare().onUnsendable(id, error);
  }

  onLost(state: Exclude<SessionState, 'held'>): void {
    this.#owner.onLost(state);
  }

  onDrained(): void {
    const { protocol, code } = this.session;
    if (protocol === 2) this.#socket.send(drained(code));
  }

  #poisonCare() {
    const comeBack = () => this.#owner.close('restarting', restartReason());
    return deadLetters({ node: this.#node, session: this.session, comeBack });
  }
}
