import type { MailboxId } from '../../engine/engine.ts';
import type { SlowStart } from './slow-start.ts';

interface Sent {
  readonly id: MailboxId;
  readonly bytes: number;
}

export interface WindowOptions {
  readonly envelopesMax: number;
  readonly bytesMax: number;
  /** Bounds the window until the client has shown how fast it is. Default: none. */
  readonly slowStart?: SlowStart | null;
}

/**
 * Envelopes sent on one socket and not confirmed, oldest first. The relay stops sending when the window is full, so
 * that a slow client costs the node at most this much.
 */
export class Window {
  readonly #envelopesMax: number;
  readonly #bytesMax: number;
  /** Null once it has grown up. */
  #slowStart: SlowStart | null;
  readonly #sent: Sent[] = [];
  /** Sum over `#sent`. May pass the bound by one envelope, so that a large one can be sent at all. */
  #bytes = 0;

  constructor({ envelopesMax, bytesMax, slowStart = null }: WindowOptions) {
    this.#envelopesMax = envelopesMax;
    this.#bytesMax = bytesMax;
    this.#slowStart = slowStart;
  }

  get size(): number {
    return this.#sent.length;
  }

  get envelopesLeft(): number {
    const max = Math.min(this.#envelopesMax, this.#slowStart?.limit ?? this.#envelopesMax);
    return Math.max(0, max - this.#sent.length);
  }

  /** Of all envelopes without a receipt. */
  get bytes(): number {
    return this.#bytes;
  }

  get bytesLeft(): number {
    return Math.max(0, this.#bytesMax - this.#bytes);
  }

  get full(): boolean {
    return this.envelopesLeft === 0 || this.bytesLeft === 0;
  }

  /** The client works on an envelope, and may be slow: see `SlowStart`. */
  get working(): boolean {
    return this.#slowStart !== null && this.#sent.length > 0;
  }

  /** The first envelope without a receipt, or null. */
  get oldest(): MailboxId | null {
    return this.#sent[0]?.id ?? null;
  }

  get newest(): MailboxId | null {
    return this.#sent.at(-1)?.id ?? null;
  }

  /** The largest envelope without a receipt: where a frame was too large for a client, this one was. */
  get largest(): MailboxId | null {
    let largest = this.#sent[0];
    for (const sent of this.#sent) if (sent.bytes > (largest?.bytes ?? 0)) largest = sent;
    return largest?.id ?? null;
  }

  has(id: MailboxId): boolean {
    return this.#sent.some((sent) => sent.id === id);
  }

  add(id: MailboxId, bytes: number): void {
    if (this.#sent.length === 0) this.#slowStart?.began();
    this.#sent.push({ id, bytes });
    this.#bytes += bytes;
  }

  /** Removes everything up to `id` and returns how many; null, and nothing removed, if `id` is not in the window. */
  confirm(id: MailboxId): number | null {
    const index = this.#sent.findIndex((sent) => sent.id === id);
    if (index === -1) return null;
    for (const sent of this.#sent.splice(0, index + 1)) this.#bytes -= sent.bytes;
    if (this.#slowStart?.confirmed(index + 1) === false) this.#slowStart = null;
    return index + 1;
  }

  /** Removes one envelope alone. False if it is not in the window. */
  remove(id: MailboxId): boolean {
    const index = this.#sent.findIndex((sent) => sent.id === id);
    const [removed] = index === -1 ? [] : this.#sent.splice(index, 1);
    this.#bytes -= removed?.bytes ?? 0;
    return removed !== undefined;
  }
}
