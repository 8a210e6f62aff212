import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import type { Batch, Records } from '../storage/records.ts';

/** Frames kept for each peer; beyond, new ones are dropped. */
const HELD_MAX = 100;

type Stored = Omit<IncomingEnvelope, 'data'> & { readonly data: string; readonly cameMs: number };

export interface HeldEnvelope {
  readonly key: string;
  readonly envelope: IncomingEnvelope;
  readonly cameMs: number;
}

/**
 * Envelopes of one peer that cannot be judged yet: the relay cannot be asked for the sender's key, or a person has to
 * face a changed one. They are stored, so that they may be confirmed and do not keep others' mail waiting.
 */
export class UnverifiedEnvelopes {
  readonly #prefix: string;
  /** Oldest first. */
  #envelopes: HeldEnvelope[];
  #next: number;

  constructor(peer: string, records: Records) {
    this.#prefix = `held:${peer}:`;
    const stored = records.list<Stored>(this.#prefix);
    this.#envelopes = stored.map(([key, { cameMs, data, ...rest }]) => {
      return { key, cameMs, envelope: { ...rest, data: hexToBytes(data) } };
    });
    this.#next = Number(this.#envelopes.at(-1)?.key.slice(this.#prefix.length) ?? -1) + 1;
  }

  get envelopes(): readonly HeldEnvelope[] {
    return this.#envelopes;
  }

  add(envelope: IncomingEnvelope, cameMs: number, batch: Batch): void {
    if (this.#envelopes.length >= HELD_MAX) return;
    const key = this.#prefix + String(this.#next++).padStart(12, '0');
    this.#envelopes.push({ key, envelope, cameMs });
    batch.set(key, { ...envelope, cameMs, data: bytesToHex(envelope.data) } satisfies Stored);
  }

  remove(held: HeldEnvelope, batch: Batch): void {
    this.#envelopes = this.#envelopes.filter((other) => other !== held);
    batch.remove(held.key);
  }
}
