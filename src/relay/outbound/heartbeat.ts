import { MAILBOX_START, type MailboxId } from '../../engine/engine.ts';
import type { Config } from '../../ops/settings/config.ts';
import type { Batched, Batcher } from '../context/batcher.ts';
import type { Socket } from '../transport/socket.ts';

/**
 * While one receipt is awaited, the next ping follows after this part of the window. A distant client keeps a fast
 * line busy; a slow one answers before it is given up (over 1.5 KB/s within 18 s: at most 26 KiB stand before a ping);
 * and at most 49 pings are unanswered. Clients take many pings at once for an attack: `ws` 8.23 hangs up at 60.
 */
const ENVELOPES_PART = 1 / 8;
const BYTES_PART = 1 / 40;
const BYTES_MIN = 24 * 1024;
/**
 * Otherwise pings follow each other after this time, on average, so that in a stream of envelopes one receipt speaks for
 * several. A few may follow at once, each in one write with its envelopes: a client that fetches its mail and leaves
 * shall not find it again at its next visit.
 */
const ASK_MS = 50;
const ASKS_AT_ONCE = 8;

export interface HeartbeatContext {
  readonly config: Pick<Config, 'windowEnvelopes' | 'windowBytes' | 'pingIntervalMs' | 'pongTimeoutMs'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly batcher: Pick<Batcher, 'join' | 'leave'>;
}

/** What a pong tells: `receipt` is an id that a ping of this socket carried and no pong had confirmed. */
export type Pong =
  | { readonly kind: 'receipt'; readonly id: MailboxId }
  | { readonly kind: 'alive' | 'foreign' };

/**
 * Pings of one socket. Each carries the last pushed mailbox id (RFC 6455, 5.5.2 and 5.5.3: a client must echo the
 * application data, and may answer only the newest ping), so that a pong is a cumulative receipt. That includes
 * pings for liveness: an empty one would swallow the receipt of the one before.
 */
export class Heartbeat implements Batched {
  readonly #context: HeartbeatContext;
  readonly #socket: Pick<Socket, 'ping'>;
  readonly #receipts: boolean;
  /** The last id pushed on this socket; the payload of every ping. */
  #pushed: MailboxId = MAILBOX_START;
  /** Pushed behind the last id that a ping has carried. 0 by protocol 2. */
  #unaskedEnvelopes = 0;
  #unaskedBytes = 0;
  /** Ids pinged and not yet confirmed, oldest first. */
  #pinged: MailboxId[] = [];
  /** What the newest ping carried; null before the first. `#pushed` may have moved on since. */
  #newestPing: MailboxId | null = null;
  /** A ping could not be sent because the reader is slow. Sent at the next chance. */
  #owed = false;
  /** In whole milliseconds: a number that V8 keeps without an object. */
  #lastPingMs: number;
  /** When the time that all pings so far stand for is over: each stands for `ASK_MS`. */
  #askedUpToMs = 0;
  /** When the oldest unanswered ping was sent; null if all are answered. */
  #unansweredSinceMs: number | null = null;

  /** @param receipts protocol 1: pongs are receipts. With protocol 2 they only show that the client lives. */
  constructor(context: HeartbeatContext, socket: Pick<Socket, 'ping'>, receipts: boolean) {
    this.#context = context;
    this.#socket = socket;
    this.#receipts = receipts;
    this.#lastPingMs = Math.trunc(context.now());
  }

  /** An envelope was handed to the socket. @param bytes its size */
  pushed(id: MailboxId, bytes: number): void {
    const { config } = this.#context;
    this.#pushed = id;
    if (!this.#receipts) return;
    this.#unaskedEnvelopes += 1;
    this.#unaskedBytes += bytes;
    const enough =
      this.#unaskedEnvelopes >= config.windowEnvelopes * ENVELOPES_PART ||
      this.#unaskedBytes >= Math.max(BYTES_MIN, config.windowBytes * BYTES_PART);
    if (enough) this.#ping();
  }

  /**
   * For now nothing more is pushed: asks for a receipt of what was, unless one is on its way.
   * @param waiting nothing can be pushed before that receipt has come
   */
  ask(waiting: boolean): void {
    if (!this.#mayAsk) return;
    const earliestMs = this.#askedUpToMs - (ASKS_AT_ONCE - 1) * ASK_MS;
    if (waiting || this.#context.now() >= earliestMs) this.due();
    else this.#context.batcher.join(this, earliestMs);
  }

  due(): void {
    if (!this.#mayAsk) return;
    this.#askedUpToMs = Math.trunc(Math.max(this.#askedUpToMs, this.#context.now())) + ASK_MS;
    this.#ping();
  }

  get #mayAsk(): boolean {
    return this.#unaskedEnvelopes > 0 && this.#pinged.length === 0;
  }

  /** The socket is closed. */
  end(): void {
    this.#context.batcher.leave(this);
  }

  pong(payload: string): Pong {
    const newest = payload === this.#newestPing;
    const index = this.#pinged.lastIndexOf(payload);
    if (!newest && index === -1) return { kind: 'foreign' };
    this.#unansweredSinceMs = newest ? null : this.#context.now();
    if (index === -1) return { kind: 'alive' };
    this.#pinged.splice(0, index + 1);
    return { kind: 'receipt', id: payload };
  }

  /** The socket has drained: an owed ping can be sent. */
  drained(): void {
    this.alive();
    if (this.#owed) this.#ping();
  }

  /**
   * The client has read something, though not yet the ping behind it: over a slow line that may take longer than the
   * time allowed for a pong.
   */
  alive(): void {
    if (this.#unansweredSinceMs !== null) this.#unansweredSinceMs = this.#context.now();
  }

  /**
   * Called about once a second. False if the client has not answered in time.
   * @param patience how many times the usual time is allowed
   */
  tick(patience = 1): boolean {
    const { config } = this.#context;
    const now = this.#context.now();
    if (this.#unansweredSinceMs !== null && now - this.#unansweredSinceMs > config.pongTimeoutMs * patience)
      return false;
    if (this.#owed || now - this.#lastPingMs >= config.pingIntervalMs) this.#ping();
    return true;
  }

  #ping(): void {
    this.#owed = !this.#socket.ping(this.#pushed);
    // An owed ping counts as sent: a client that never reads again must not keep its connection.
    const now = this.#context.now();
    this.#lastPingMs = Math.trunc(now);
    this.#unansweredSinceMs ??= now;
    if (this.#owed) return;
    this.#newestPing = this.#pushed;
    if (this.#unaskedEnvelopes > 0) this.#pinged.push(this.#pushed);
    this.#unaskedEnvelopes = 0;
    this.#unaskedBytes = 0;
  }
}
