import type { FileOffer, FileSink } from '../../client/index.ts';

const NAME = 'keyrelay-files';
/** Whole files, by the offer's id. */
const WHOLE = 'whole';
/** Parts of files that are coming in, by [id, offset]; at `WANTED` stands that this user has asked for the file. */
const PARTS = 'parts';
const WANTED = -1;

/** Files of both directions, kept in this browser: what was received, and what was sent until it has arrived. */
export class KeptFiles {
  #opened: Promise<IDBDatabase> | null = null;

  async keep(id: string, blob: Blob): Promise<void> {
    await this.#change(WHOLE, (store) => store.put(blob, id));
  }

  /** Null if it is not here, or not all of it. */
  async get(id: string): Promise<Blob | null> {
    const found: unknown = await this.#read(WHOLE, (store) => store.get(id));
    return found instanceof Blob ? found : null;
  }

  /** Notes that this user wants it: the SDK notes it a second later. */
  async want(id: string): Promise<void> {
    await this.#change(PARTS, (store) => store.put(new Uint8Array(), [id, WANTED]));
  }

  async isWanted(id: string): Promise<boolean> {
    return (await this.#read(PARTS, (store) => store.get([id, WANTED]))) !== undefined;
  }

  async remove(id: string): Promise<void> {
    await this.#change(WHOLE, (store) => store.delete(id));
    await this.#change(PARTS, (store) => store.delete(partsOf(id, WANTED, Number.MAX_SAFE_INTEGER)));
  }

  /** Where the parts of a file go as they come. */
  sink({ id, partBytes }: FileOffer): FileSink {
    return {
      write: (offset, bytes) => this.#change(PARTS, (store) => store.put(bytes, [id, offset])),
      read: async (offset, length) => {
        const from = offset - (offset % partBytes);
        const range = partsOf(id, from, offset + length - 1);
        const parts = (await this.#read(PARTS, (store) => store.getAll(range))) as Uint8Array<ArrayBuffer>[];
        const bytes = await new Blob(parts).arrayBuffer();
        return new Uint8Array(bytes, offset - from, Math.min(length, bytes.byteLength - (offset - from)));
      },
    };
  }

  /** All parts are here: makes the file of them. */
  async finish({ id, type }: FileOffer): Promise<void> {
    const range = partsOf(id, 0, Number.MAX_SAFE_INTEGER);
    const parts = (await this.#read(PARTS, (store) => store.getAll(range))) as Uint8Array<ArrayBuffer>[];
    if (parts.length === 0) return;
    await this.keep(id, new Blob(parts, type === undefined ? {} : { type }));
    await this.#change(PARTS, (store) => store.delete(partsOf(id, WANTED, Number.MAX_SAFE_INTEGER)));
  }

  async close(): Promise<void> {
    if (this.#opened !== null) (await this.#opened).close();
  }

  async #change(name: string, act: (store: IDBObjectStore) => IDBRequest): Promise<void> {
    const transaction = (await this.#database()).transaction(name, 'readwrite');
    act(transaction.objectStore(name));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }

  async #read(name: string, ask: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
    return settled(ask((await this.#database()).transaction(name, 'readonly').objectStore(name)));
  }

  #database(): Promise<IDBDatabase> {
    if (this.#opened === null) {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(WHOLE);
        request.result.createObjectStore(PARTS);
      };
      this.#opened = settled(request);
    }
    return this.#opened;
  }
}

function partsOf(id: string, from: number, to: number): IDBKeyRange {
  return IDBKeyRange.bound([id, from], [id, to]);
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
