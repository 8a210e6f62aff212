import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { NumberedKeys } from '../storage/numbered-keys.ts';
import type { Batch, Records } from '../storage/records.ts';

/** Envelopes kept for each peer; beyond this, new ones are dropped. */
const UNVERIFIED_MAX = 100;

type Stored = Omit<IncomingEnvelope, 'data' | 'tries'> & { readonly data: string; readonly cameMs: number };

export interface UnverifiedEnvelope {
  readonly key: string;
  readonly envelope: IncomingEnvelope;
  readonly cameMs: number;
}

/**
 * Envelopes of one peer that cannot be verified yet: the relay cannot be asked for the sender's key, or a person has to
 * decide about a changed one. They are stored, so that they can be confirmed and do not delay other peers' mail.
 */
export class UnverifiedEnvelopes {
  readonly #keys: NumberedKeys<Stored>;
  /** Oldest first. */
  #envelopes: UnverifiedEnvelope[];

  constructor(peer: string, records: Records) {
    this.#keys = new NumberedKeys(`held:${peer}:`, records);
    this.#envelopes = this.#keys.stored.map(([key, { cameMs, data, ...rest }]) => {
      return { key, cameMs, envelope: { ...rest, tries: 1, data: hexToBytes(data) } };
    });
  }

  get envelopes(): readonly UnverifiedEnvelope[] {
    return this.#envelopes;
  }

  add(envelope: IncomingEnvelope, cameMs: number, batch: Batch): void {
    if (this.#envelopes.length >= UNVERIFIED_MAX) return;
    const key = this.#keys.next();
    this.#envelopes.push({ key, envelope, cameMs });
    const { claims, signature, seq } = envelope;
    batch.set(key, { claims, signature, seq, cameMs, data: bytesToHex(envelope.data) } satisfies Stored);
  }

  remove(unverified: UnverifiedEnvelope, batch: Batch): void {
    this.#envelopes = this.#envelopes.filter((other) => other !== unverified);
    batch.remove(unverified.key);
  }
}
