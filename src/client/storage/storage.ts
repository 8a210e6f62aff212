/**
 * Where a client keeps what must survive it. One storage belongs to one identity and one process (or tab).
 * Keys, all values JSON:
 *
 *     account                   the registered user: code, id, keys, when
 *     protocol                  2 once this identity has spoken protocol 2: never 1 again
 *     pin:<peer>                trust on first use: the peer's Ed25519 key, and a newer one not yet accepted
 *     exchange:<peer>           key exchange state: pending requests, keys, counters
 *     requests:<peer>           ids of the peer's requests that were seen (apart, because it is long and seldom changes)
 *     outbox:<peer>:<n>         not yet accepted by the relay, in order of n
 *     inbox:<peer>:<n>          opened, not yet handled by the program, in order of n
 *     held:<peer>:<n>           frames under a key that the program has not accepted yet
 *     seen:<peer>:<id>          ids of envelopes already taken, the last 300 of each peer
 *     sent:<peer>:<n>           ids of messages not yet confirmed read, in order of n
 */
export interface Storage {
  /** Everything that was written. Called once, before any write. */
  load(): Promise<ReadonlyMap<string, string>>;
  /** All or nothing; null removes. Resolves when it would survive the end of the process. */
  write(changes: Changes): Promise<void>;
  close(): Promise<void>;
}

export type Changes = ReadonlyMap<string, string | null>;

/** Keeps nothing beyond the process: for tests and for clients that may forget. */
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
