/**
 * Keeps what must survive a restart. One storage belongs to one identity and one process (or tab).
 * Keys, all values JSON:
 *
 *     account                   the registered user: code, id, keys, when
 *     registered                X25519 keys that it was registered with, since the first that was replaced
 *     protocol                  2 once this identity has used protocol 2: never 1 again
 *     pin:<peer>                trust on first use: the peer's keys, a newer one not yet accepted, the best exchange so far
 *     exchange:<peer>           key exchange state: pending requests, keys, counters (keys/stored-exchange.ts)
 *     requests:<peer>           digests of the peer's requests that were seen (separate: long, and seldom changed)
 *     outbox:<peer>:<n>         envelopes that the relay has not accepted yet, in the order of n
 *     inbox:<peer>:<n>          messages that the program has not handled yet, in the order of n
 *     early:<peer>:<n>          messages that came before an earlier one
 *     incoming:<peer>           how far the peer's messages have been handed over
 *     held:<peer>:<n>           envelopes that cannot be verified yet
 *     seen:<peer>:<id>          ids of envelopes already handled, the last 300 of each peer
 *     sent:<peer>:<n>           messages not yet confirmed as read, with their content until they have arrived
 *     stream:<peer>             the count that numbers them
 */
export interface Storage {
  /** Reads everything that was written. Called once, before any write. */
  load(): Promise<ReadonlyMap<string, string>>;
  /** All or nothing; null removes. Resolves when the change would survive the end of the process. */
  write(changes: Changes): Promise<void>;
  close(): Promise<void>;
}

export type Changes = ReadonlyMap<string, string | null>;

/** Keeps nothing beyond the process: for tests, and for clients that may forget. */
export function memoryStorage(): Storage {
  const entries = new Map<string, string>();
  return {
    load: async () => new Map(entries),
    write: async (changes) => applyChanges(entries, changes),
    close: async () => {},
  };
}

export function applyChanges(entries: Map<string, string>, changes: Changes): void {
  for (const [key, value] of changes) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
}
