import type { PublicKey } from '../../crypto/verify.ts';
import type {
  ClaimResult,
  MailboxListener,
  SessionKey,
  SessionState,
  Subscription,
  WakeUp,
} from '../../engine/engine.ts';
import type { CloseName } from '../../protocol/closes.ts';
import { restartReason } from '../context/close-reason.ts';
import type { RelayContext } from '../context/relay-context.ts';
import { Inbound } from '../inbound/inbound.ts';
import { Outbound, type OutboundOwner } from '../outbound/outbound.ts';
import type { Socket } from '../transport/socket.ts';
import { LOST } from './lost.ts';

export interface SessionOptions {
  readonly node: RelayContext;
  readonly socket: Socket;
  /** What limits count this client as. */
  readonly address: string;
  readonly key: PublicKey;
  readonly login: Extract<ClaimResult, { outcome: 'claimed' }>;
}

/** At the end of a session, receipts of what was just pushed are awaited for at most so long. */
const LAST_RECEIPTS_MS = 1_000;

/**
 * One connected user: both ways of one socket, and what the engine has to say to it. Everything hangs on the
 * socket and dies with it; what must outlive it is in the store.
 */
export class Session implements MailboxListener, OutboundOwner {
  readonly #node: RelayContext;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #key: PublicKey;
  readonly #session: SessionKey;
  readonly #outbound: Outbound;
  /** Null until the first frame: most who are connected only listen. */
  #inbound: Inbound | null = null;
  #subscription: Subscription | null = null;
  #ended = false;

  constructor({ node, socket, address, key, login }: SessionOptions) {
    this.#node = node;
    this.#socket = socket;
    this.#address = address;
    this.#key = key;
    this.#session = login.session;
    this.#outbound = new Outbound({ node, socket, owner: this, login });
  }

  get code(): string {
    return this.#session.code;
  }

  /** After `connect_ack` was sent: what waited follows, then what is live. */
  start(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#outbound.start();
  }

  /** @param number of the client's text frame on this socket, from 1 */
  receive(frame: Uint8Array, number: number): void {
    if (!this.#ended) this.#in().receive(frame, number);
  }

  /** A frame that the gateway refused before decoding. */
  refuseTooLarge(detail: string, number: number): void {
    this.#in().refuse({ code: 'too_large', detail }, number);
  }

  /** A frame that nothing can follow: those before it are looked at first. */
  finish(close: () => void): void {
    this.#in().finish(close);
  }

  pong(payload: string): void {
    this.#outbound.pong(payload);
  }

  /** The socket has sent what it had buffered. */
  drain(): void {
    this.#outbound.drain();
  }

  /** Called about once a second. */
  tick(): void {
    if (!this.#outbound.tick()) this.close('goingAway', 'no answer to a ping');
  }

  /** Stops pushing, waits a moment for what is in flight both ways, then closes. Resolves when closed. */
  async drainAndClose(close: CloseName, reason: string): Promise<void> {
    this.#outbound.end();
    const timeout = new Promise((resolve) => setTimeout(resolve, LAST_RECEIPTS_MS).unref());
    const settled = Promise.all([this.#outbound.confirmed(), this.#inbound?.idle()]);
    await Promise.race([settled, timeout]);
    this.close(close, reason);
  }

  close(close: CloseName, reason: string): void {
    this.#outbound.end();
    this.#socket.close(close, reason);
  }

  /** The socket is closed. Resolves when the store knows the last receipts and that nobody is here. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#subscription?.unsubscribe();
    await this.#outbound.settle();
    await this.#node.engine.release(this.#session).catch(() => {
      // The store is away; the presence of a session that nobody answers for is harmless and ends with the next claim.
    });
  }

  onWakeUp(wakeUp: WakeUp): void {
    this.#outbound.wake(wakeUp);
  }

  /**
   * Somebody says that another claim took place. It may have come before ours and be heard after it, so the store
   * is asked who holds the session.
   */
  onClaimed(token: string): void {
    if (this.#ended || token === this.#session.token) return;
    this.#askWhoHolds();
  }

  onPoll(): void {
    this.#outbound.look('look');
    // Nothing is read for a client that does not confirm; whether it still holds the session is asked even so.
    if (this.#outbound.stalled) this.#askWhoHolds();
  }

  onReclaim(): void {
    if (this.#ended || !this.#socket.open) return;
    this.#node.engine.reclaim(this.#session, this.#outbound.cursor).then(
      (state) => {
        if (state === 'held') this.#outbound.look('reclaim');
        else this.onLost(state);
      },
      () => {
        // Away again: the engine calls onReclaim once more when it is back.
      },
    );
  }

  #askWhoHolds(): void {
    const request = { session: this.#session, after: this.#outbound.cursor };
    this.#node.engine.read({ ...request, maxEnvelopes: 1, maxBytes: 1 }).then(
      (answer) => {
        if (answer.state !== 'held') this.onLost(answer.state);
      },
      () => {
        // The store is away: it will say so at the next look, or when it asks to reclaim.
      },
    );
  }

  onLost(state: Exclude<SessionState, 'held'>): void {
    if (state === 'displaced' && this.#socket.open) {
      this.#node.metrics.takeovers.add();
      this.#node.takeoverDamping.displaced(this.code);
    }
    const { close, reason } = LOST[state];
    this.close(close, close === 'restarting' ? restartReason() : reason);
  }

  /** A look has found something: its wake-up is late or lost, so the subscription is made again. */
  onMissed(): void {
    this.#subscription?.renew();
  }

  /** Harmless, but not for ever. */
  onNoise(foreign: 'pong' | 'ack' | null): void {
    const { metrics, rates } = this.#node;
    if (foreign !== null) metrics.foreignReceipts.of(foreign).add();
    if (rates.penalties.take(this.code) > 0) this.#socket.close('flooding', 'too many receipts of nothing');
  }

  #in(): Inbound {
    this.#inbound ??= new Inbound({
      node: this.#node,
      socket: this.#socket,
      session: this.#session,
      address: this.#address,
      key: this.#key,
      onAck: (seq) => this.#outbound.confirm(seq),
    });
    return this.#inbound;
  }
}
