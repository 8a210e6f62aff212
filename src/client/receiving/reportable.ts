import { bytesToUtf8 } from '@noble/ciphers/utils.js';
import type { IncomingEnvelope } from '../connection/incoming.ts';
import { NumberedKeys } from '../storage/numbered-keys.ts';
import type { Batch, Records } from '../storage/records.ts';

/** Of each peer: so many envelopes, and so many bytes of their data together. The relay takes twice as much. */
const KEPT_MAX = 8;
const KEPT_BYTES_MAX = 16_384;

/** An envelope as the relay's command `report` takes it. */
export interface ReportableEnvelope {
  /** The bytes that its sender signed, as text. */
  readonly data: string;
  readonly signature: string;
}

/**
 * The envelopes of one peer's last messages, as they came, to show the relay's operators. Stored: the process that reports
 * may be another than the one that took the message. The keys of messages of version 2 are erased, also for this client.
 */
export class Reportable {
  readonly #keys: NumberedKeys<ReportableEnvelope>;
  /** Oldest first, at most `KEPT_MAX` and `KEPT_BYTES_MAX`. */
  #kept: (readonly [key: string, envelope: ReportableEnvelope])[];

  constructor(peer: string, records: Records) {
    this.#keys = new NumberedKeys(`reportable:${peer}:`, records);
    this.#kept = [...this.#keys.stored];
  }

  get envelopes(): readonly ReportableEnvelope[] {
    return this.#kept.map(([, envelope]) => envelope);
  }

  add({ data, signature }: IncomingEnvelope, batch: Batch): void {
    if (data.length > KEPT_BYTES_MAX) return;
    const [key, envelope] = [this.#keys.next(), { data: bytesToUtf8(data), signature }];
    batch.set(key, envelope);
    this.#kept.push([key, envelope]);
    while (this.#kept.length > KEPT_MAX || this.#bytes > KEPT_BYTES_MAX) {
      const [oldest] = this.#kept.shift() ?? [''];
      batch.remove(oldest);
    }
  }

  /** UTF-16 units, which is what memory and storage take; what encrypted messages consist of is ASCII. */
  get #bytes(): number {
    return this.#kept.reduce((sum, [, { data }]) => sum + data.length, 0);
  }
}
