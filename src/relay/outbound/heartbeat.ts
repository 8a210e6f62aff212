import { MAILBOX_START, type MailboxId } from '../../engine/engine.ts';
import type { Config } from '../../ops/config.ts';
import type { Socket } from '../transport/socket.ts';

/**
 * While one receipt is awaited, the next is asked for after this part of the window: a far client keeps a full line
 * busy, a slow one answers before patience ends (over 1.5 KB/s with 18 s of it: a ping stands behind 26 KiB at most), and
 * there are never more than 49 pings out. Clients take many of them at once for an attack: `ws` 8.23 hangs up at 60.
 */
const ENVELOPES_PART = 1 / 8;
const BYTES_PART = 1 / 40;
const BYTES_MIN = 24 * 1024;

export interface HeartbeatOptions {
  readonly socket: Pick<Socket, 'ping'>;
  /** Protocol 1: pongs are receipts. By protocol 2 they are signs of life, and pings are sent for those alone. */
  readonly receipts: boolean;
  readonly limits: Pick<Config, 'windowEnvelopes' | 'windowBytes' | 'pingIntervalMs' | 'pongTimeoutMs'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** What a pong tells: `receipt` is an id that a ping of this socket carried and no pong had confirmed. */
export type Pong =
  | { readonly kind: 'receipt'; readonly id: MailboxId }
  | { readonly kind: 'alive' | 'foreign' };

/**
 * Pings of one socket. Each carries the last pushed mailbox id (RFC 6455, 5.5.2 and 5.5.3: a client must echo the
 * application data, and may answer only the newest ping), so that a pong is a cumulative receipt. That holds for
 * pings of liveness too: an empty one would swallow the receipt of the one before.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** The last id pushed on this socket; the payload of every ping. */
  #pushed: MailboxId = MAILBOX_START;
  /** What was pushed behind the last id that a ping has carried. 0 by protocol 2. */
  #unaskedEnvelopes = 0;
  #unaskedBytes = 0;
  /** Ids pinged and not yet confirmed, oldest first. */
  #pinged: MailboxId[] = [];
  /** What the newest ping carried; null before the first. `#pushed` may have moved on since. */
  #newestPing: MailboxId | null = null;
  /** A ping could not be sent: the reader is slow. Sent at the next chance. */
  #owed = false;
  #lastPingMs: number;
  /** When the oldest unanswered ping was sent; null if none is out. */
  #unansweredSinceMs: number | null = null;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#lastPingMs = options.now();
  }

  /** An envelope of so many bytes was handed to the socket. */
  pushed(id: MailboxId, bytes: number): void {
    const { receipts, limits } = this.#options;
    this.#pushed = id;
    if (!receipts) return;
    this.#unaskedEnvelopes += 1;
    this.#unaskedBytes += bytes;
    const enough =
      this.#unaskedEnvelopes >= limits.windowEnvelopes * ENVELOPES_PART ||
      this.#unaskedBytes >= Math.max(BYTES_MIN, limits.windowBytes * BYTES_PART);
    if (enough) this.#ping();
  }

  /** For now nothing more is pushed: asks for a receipt of what was, unless one is on its way. */
  ask(): void {
    if (this.#unaskedEnvelopes > 0 && this.#pinged.length === 0) this.#ping();
  }

  pong(payload: string): Pong {
    const newest = payload === this.#newestPing;
    const index = this.#pinged.lastIndexOf(payload);
    if (!newest && index === -1) return { kind: 'foreign' };
    this.#unansweredSinceMs = newest ? null : this.#options.now();
    if (index === -1) return { kind: 'alive' };
    this.#pinged.splice(0, index + 1);
    return { kind: 'receipt', id: payload };
  }

  /** The socket has drained: what was owed can be sent. */
  drained(): void {
    this.alive();
    if (this.#owed) this.#ping();
  }

  /**
   * The client has read something, though not yet the ping behind it: over a slow line that may take longer than the
   * patience for a pong.
   */
  alive(): void {
    if (this.#unansweredSinceMs !== null) this.#unansweredSinceMs = this.#options.now();
  }

  /** Called about once a second. False if the client has not answered in time. */
  tick(): boolean {
    const { limits } = this.#options;
    const now = this.#options.now();
    if (this.#unansweredSinceMs !== null && now - this.#unansweredSinceMs > limits.pongTimeoutMs)
      return false;
    if (this.#owed || now - this.#lastPingMs >= limits.pingIntervalMs) this.#ping();
    return true;
  }

  #ping(): void {
    this.#owed = !this.#options.socket.ping(this.#pushed);
    // An owed ping counts as out: a reader that never reads again must not live for ever.
    const now = this.#options.now();
    this.#lastPingMs = now;
    this.#unansweredSinceMs ??= now;
    if (this.#owed) return;
    this.#newestPing = this.#pushed;
    if (this.#unaskedEnvelopes > 0) this.#pinged.push(this.#pushed);
    this.#unaskedEnvelopes = 0;
    this.#unaskedBytes = 0;
  }
}
