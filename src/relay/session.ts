import type { PublicKey } from '../crypto/verify.ts';
import type {
  ClaimResult,
  MailboxId,
  MailboxListener,
  SessionState,
  Subscription,
  WakeUp,
} from '../engine/engine.ts';
import type { CloseName } from '../protocol/closes.ts';
import { drained } from '../protocol/frames.ts';
import { Delays } from './delays.ts';
import { withSeq } from './delivered.ts';
import { Heartbeat } from './heartbeat.ts';
import { Inbound } from './inbound.ts';
import { LOST } from './lost.ts';
import type { Node } from './node.ts';
import { Outbox } from './outbox.ts';
import { poisonCare } from './poison.ts';
import { Push, type ReadCause } from './push.ts';
import { Receipts } from './receipts.ts';
import { restartReason } from './restart.ts';
import type { SendResult, Socket } from './socket.ts';
import { Lane } from './turns.ts';
import { Window } from './window.ts';

type Claimed = Extract<ClaimResult, { outcome: 'claimed' }>;

export interface SessionOptions {
  readonly node: Node;
  readonly socket: Socket;
  /** What limits count this client as. */
  readonly address: string;
  readonly protocol: 1 | 2;
  readonly key: PublicKey;
  readonly login: Claimed;
}

/** At the end of a session, receipts of what was just pushed are awaited for at most so long. */
const LAST_RECEIPTS_MS = 1_000;

/**
 * One connected user: the parts of one socket, and what the engine has to say to it. Everything hangs on the
 * socket and dies with it; what must outlive it is in the store.
 */
export class Session implements MailboxListener {
  readonly protocol: 1 | 2;
  readonly #node: Node;
  readonly #socket: Socket;
  readonly #login: Claimed;
  readonly #window: Window;
  readonly #delays: Delays;
  readonly #heartbeat: Heartbeat;
  readonly #receipts: Receipts;
  readonly #push: Push;
  readonly #lane: Lane;
  readonly #outbox: Outbox;
  readonly #inbound: Inbound;
  #subscription: Subscription | null = null;
  #ended = false;
  #allConfirmed: (() => void) | null = null;

  constructor(options: SessionOptions) {
    const { node, socket, protocol, login } = options;
    const { config, engine, metrics, now } = node;
    const { session } = login;
    this.protocol = protocol;
    this.#node = node;
    this.#socket = socket;
    this.#login = login;
    this.#window = new Window(config.windowEnvelopes, config.windowBytes);
    this.#delays = new Delays({ metrics, loginLast: login.last, now, clock: Date.now });
    this.#heartbeat = new Heartbeat({
      ping: (payload) => socket.ping(payload),
      receipts: protocol === 1,
      windowEnvelopes: config.windowEnvelopes,
      windowBytes: config.windowBytes,
      pingIntervalMs: config.pingIntervalMs,
      pongTimeoutMs: config.pongTimeoutMs,
      now,
    });
    const onLost = (state: Exclude<SessionState, 'held'>) => this.#lose(state);
    this.#receipts = new Receipts({ engine, session, gathering: node.receipts, onLost });
    this.#push = new Push(
      {
        engine,
        session,
        window: this.#window,
        reads: node.reads,
        send: (frame, id) => this.#sendEnvelope(frame, id),
        cork: (sends) => socket.cork(sends),
        onTurnOver: () => this.#heartbeat.ask(),
        onRead: (cause, envelopes) => this.#onRead(cause, envelopes),
        onWindowFull: () => metrics.windowFull.add(),
        ...poisonCare({ node, session, comeBack: () => this.close('restarting', restartReason()) }),
        onLost,
        onDrained: () => {
          if (protocol === 2) socket.send(drained(session.code));
        },
      },
      login,
    );
    this.#lane = new Lane(node.turns);
    this.#outbox = new Outbox({
      engine,
      sender: session.code,
      epoch: session.epoch,
      bytesMax: config.inflightBytesPerSocket,
      nodeBudget: node.inflight,
      now,
      cork: (answers) => socket.cork(answers),
    });
    this.#inbound = new Inbound({
      node,
      socket,
      code: session.code,
      address: options.address,
      key: options.key,
      protocol,
      lane: this.#lane,
      outbox: this.#outbox,
      onAck: (seq) => this.#confirm(seq),
    });
  }

  get code(): string {
    return this.#login.session.code;
  }

  /** After `connect_ack` was sent: what waited follows, then what is live. */
  start(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#push.start();
  }

  /** @param number of the client's text frame on this socket, from 1 */
  receive(frame: Uint8Array, number: number): void {
    if (!this.#ended) this.#inbound.receive(frame, number);
  }

  /** A frame that the gateway refused before decoding. */
  refuseTooLarge(detail: string, number: number): void {
    this.#inbound.refuse({ code: 'too_large', detail }, number);
  }

  /** A frame that nothing can follow: those before it are looked at first. */
  finish(close: () => void): void {
    this.#lane.end(close);
  }

  pong(payload: string): void {
    const pong = this.#heartbeat.pong(payload);
    if (pong.kind === 'receipt') {
      this.#confirm(pong.id);
      this.#heartbeat.ask();
    } else this.#noise(pong.kind === 'foreign' ? 'pong' : null);
  }

  /** The socket has sent what it had buffered. */
  drain(): void {
    this.#heartbeat.drained();
    this.#push.resume(true);
  }

  /** Called about once a second. */
  tick(): void {
    if (this.#heartbeat.tick()) return;
    this.close('goingAway', 'no answer to a ping');
  }

  /** Stops pushing, waits a moment for what is in flight both ways, then closes. Resolves when closed. */
  async drainAndClose(close: CloseName, reason: string): Promise<void> {
    this.#push.end();
    const timeout = new Promise((resolve) => setTimeout(resolve, LAST_RECEIPTS_MS).unref());
    const confirmed = new Promise<void>((resolve) => {
      if (this.#window.size === 0) resolve();
      else this.#allConfirmed = resolve;
    });
    const stored = this.#lane.idle().then(() => this.#outbox.idle());
    await Promise.race([Promise.all([confirmed, stored]), timeout]);
    this.close(close, reason);
  }

  close(close: CloseName, reason: string): void {
    this.#push.end();
    this.#socket.close(close, reason);
  }

  /** The socket is closed. Resolves when the store knows the last receipts and that nobody is here. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#push.end();
    this.#allConfirmed?.();
    this.#subscription?.unsubscribe();
    await this.#receipts.settle();
    await this.#node.engine.release(this.#login.session).catch(() => {
      // The store is away; the presence of a session that nobody answers for is harmless and ends with the next claim.
    });
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.#push.wake(wakeUp);
  }

  /**
   * Somebody says that another claim took place. It may have come before ours and be heard after it, so the store
   * is asked who holds the session.
   */
  onClaimed(token: string): void {
    const { session } = this.#login;
    if (this.#ended || token === session.token) return;
    this.#askWhoHolds();
  }

  onLook(): void {
    this.#push.look('look');
    // Nothing is read for a client that does not confirm; whether it still holds the session is asked even so.
    if (this.#push.stalled) this.#askWhoHolds();
  }

  onReclaim(): void {
    if (this.#ended || !this.#socket.open) return;
    this.#node.engine.reclaim(this.#login.session, this.#push.cursor).then(
      (state) => {
        if (state === 'held') this.#push.look('reclaim');
        else this.#lose(state);
      },
      () => {
        // Away again: the engine calls onReclaim once more when it is back.
      },
    );
  }

  #askWhoHolds(): void {
    const { session } = this.#login;
    this.#node.engine.read({ session, after: this.#push.cursor, maxEnvelopes: 1, maxBytes: 1 }).then(
      (answer) => {
        if (answer.state !== 'held') this.#lose(answer.state);
      },
      () => {
        // The store is away: it will say so at the next look, or when it asks to reclaim.
      },
    );
  }

  #sendEnvelope(frame: Buffer, id: MailboxId): SendResult {
    const bytes = this.protocol === 2 ? withSeq(frame, id) : frame;
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

  #onRead(cause: ReadCause, envelopes: number): void {
    this.#node.metrics.mailboxReads.of(cause).add();
    // A look that finds something means that its wake-up is late or lost: make the subscription again.
    if (cause !== 'look' || envelopes === 0) return;
    this.#node.metrics.lostWakeUps.add();
    this.#subscription?.renew();
  }

  /** A receipt, by pong or ack, for everything up to `id`. */
  #confirm(id: MailboxId): void {
    const confirmed = this.#window.confirm(id);
    if (confirmed === null) {
      this.#noise('ack');
      return;
    }
    this.#node.metrics.envelopesConfirmed.add(confirmed);
    this.#delays.confirmed(id);
    this.#heartbeat.alive();
    this.#receipts.advance(id, confirmed);
    if (this.#window.size === 0) this.#allConfirmed?.();
    this.#push.resume(false);
  }

  /** A receipt of nothing, or a sign of life: harmless, but not for ever. */
  #noise(foreign: 'pong' | 'ack' | null): void {
    const { metrics, rates } = this.#node;
    if (foreign !== null) metrics.foreignReceipts.of(foreign).add();
    if (rates.floods.take(this.code) > 0) this.#socket.close('flooding', 'too many receipts of nothing');
  }

  #lose(state: Exclude<SessionState, 'held'>): void {
    if (state === 'displaced' && this.#socket.open) {
      this.#node.metrics.takeovers.add();
      this.#node.flaps.displaced(this.code);
    }
    const { close, reason } = LOST[state];
    this.close(close, close === 'restarting' ? restartReason() : reason);
  }
}
