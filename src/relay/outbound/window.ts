import type { MailboxId } from '../../engine/engine.ts';

interface Sent {
  readonly id: MailboxId;
  readonly bytes: number;
}

/**
 * Envelopes sent on one socket and not confirmed, oldest first. The relay stops sending when the window is full, so
 * that a slow client costs the node at most this much.
 */
export class Window {
  readonly #envelopesMax: number;
  readonly #bytesMax: number;
  readonly #sent: Sent[] = [];
  /** Sum over `#sent`. May pass the bound by one envelope, so that a large one can be sent at all. */
  #bytes = 0;

  constructor(envelopesMax: number, bytesMax: number) {
    this.#envelopesMax = envelopesMax;
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#sent.length;
  }

  get envelopesLeft(): number {
    return Math.max(0, this.#envelopesMax - this.#sent.length);
  }

  get bytesLeft(): number {
    return Math.max(0, this.#bytesMax - this.#bytes);
  }

  get full(): boolean {
    return this.envelopesLeft === 0 || this.bytesLeft === 0;
  }

  add(id: MailboxId, bytes: number): void {
    this.#sent.push({ id, bytes });
    this.#bytes += bytes;
  }

  /** Removes everything up to `id` and returns how many; null, and nothing removed, if `id` is not in the window. */
  confirm(id: MailboxId): number | null {
    const index = this.#sent.findIndex((sent) => sent.id === id);
    if (index === -1) return null;
    for (const sent of this.#sent.splice(0, index + 1)) this.#bytes -= sent.bytes;
    return index + 1;
  }
}
