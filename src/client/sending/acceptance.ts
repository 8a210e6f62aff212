import { Batch, type Records } from '../storage/records.ts';

const MARK = 'acceptance';
const keyOf = (code: string): string => `accepted:${code}`;

/**
 * Whom the user has accepted: those to whom he has written, or with whom he has begun a conversation, and those for whom
 * the program said so. To anybody else nothing is sent, if strangers are to learn nothing.
 */
export class Acceptance {
  readonly #records: Records;
  readonly #answersStrangers: boolean;

  constructor(records: Records, answersStrangers: boolean) {
    this.#records = records;
    this.#answersStrangers = answersStrangers;
    if (records.get(MARK) !== undefined) return;
    // Stored by an older version, which answered everybody that it knew.
    const batch = new Batch();
    batch.set(MARK, 1);
    for (const [key] of records.list('pin:')) batch.set(keyOf(key.slice('pin:'.length)), 1);
    records.commit(batch).catch(() => {});
  }

  has(code: string): boolean {
    return this.#records.get(keyOf(code)) !== undefined;
  }

  /** What is to be sent to this person waits. */
  holds(code: string): boolean {
    return !this.#answersStrangers && !this.has(code);
  }

  add(code: string, batch: Batch): void {
    if (!this.has(code)) batch.set(keyOf(code), 1);
  }
}
