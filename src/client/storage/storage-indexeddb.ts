import { ClientError } from '../errors.ts';
import { applyChanges, type Changes, type Storage } from './storage.ts';

/*
 * The part of IndexedDB that is needed (https://www.w3.org/TR/IndexedDB/), declared here because the SDK is compiled
 * without the DOM's types: they would let browser-only code into what Node runs too.
 */
interface Request<Result> {
  readonly result: Result;
  readonly error: unknown;
  onsuccess: unknown;
  onerror: unknown;
}
interface OpenRequest extends Request<Database> {
  onupgradeneeded: unknown;
  onblocked: unknown;
}
interface ObjectStore {
  getAllKeys(): Request<readonly unknown[]>;
  getAll(): Request<readonly unknown[]>;
  put(value: string, key: string): unknown;
  delete(key: string): unknown;
}
interface Transaction {
  readonly error: unknown;
  oncomplete: unknown;
  onabort: unknown;
  objectStore(name: string): ObjectStore;
}
interface Database {
  createObjectStore(name: string): unknown;
  transaction(name: string, mode: 'readonly' | 'readwrite', options?: { durability: 'strict' }): Transaction;
  close(): void;
}
export interface IndexedDb {
  open(name: string, version: number): unknown;
}

const STORE = 'entries';

/** One database, one object store of strings. `factory` is the browser's `indexedDB`. */
export function indexedDbStorage(name: string, factory: IndexedDb): Storage {
  let opened: Promise<Database> | undefined;

  function database(): Promise<Database> {
    opened ??= open(name, factory);
    return opened;
  }

  return {
    async load() {
      const store = (await database()).transaction(STORE, 'readonly').objectStore(STORE);
      const [keys, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())]);
      const entries = new Map<string, string>();
      applyChanges(entries, new Map(keys.map((key, index) => [String(key), String(values[index])])));
      return entries;
    },
    async write(changes: Changes) {
      // Strict durability: after this write the client acknowledges, and the relay deletes its copy.
      const transaction = (await database()).transaction(STORE, 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore(STORE);
      for (const [key, value] of changes) {
        if (value === null) store.delete(key);
        else store.put(value, key);
      }
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(failed('written', transaction.error));
      });
    },
    async close() {
      if (opened !== undefined) (await opened).close();
    },
  };
}

async function open(name: string, factory: IndexedDb): Promise<Database> {
  const request = factory.open(name, 1) as OpenRequest;
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

function settled<Result>(request: Request<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(failed('read', request.error));
  });
}

function failed(verb: 'read' | 'written', cause: unknown): ClientError {
  return new ClientError('storage_failed', `The browser's storage cannot be ${verb}.`, { cause });
}
