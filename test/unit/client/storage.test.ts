import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fileStorage } from '../../../src/client/storage/storage-file.ts';
import { type Locks, takeTabLock } from '../../../src/client/storage/tab-lock.ts';

describe('a file as storage', () => {
  let folder = '';
  let path = '';
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'keyrelay-'));
    path = join(folder, 'a.jsonl');
  });
  const opened = async () => {
    const storage = fileStorage(path, fs);
    await storage.load();
    return storage;
  };
  const text = () => fs.readFile(path, 'utf8');
  afterEach(() => fs.rm(folder, { recursive: true }));
  const changes = (entries: Record<string, string | null>) => new Map(Object.entries(entries));

  test('has what was written, and not what was removed', async () => {
    const storage = fileStorage(path, fs);
    expect(await storage.load()).toEqual(new Map());
    await storage.write(changes({ a: '1', b: '2' }));
    await storage.write(changes({ a: null, c: '3\n' }));
    expect(await fileStorage(path, fs).load()).toEqual(changes({ b: '2', c: '3\n' }));
  });

  test('loses nothing but the write that a crash tore', async () => {
    const storage = await opened();
    await storage.write(changes({ a: '1' }));
    const whole = await text();
    await storage.write(changes({ a: '2', b: '2' }));
    const longer = await text();
    for (let end = whole.length; end < longer.length; end++) {
      await fs.writeFile(path, longer.slice(0, end));
      expect(await fileStorage(path, fs).load()).toEqual(changes({ a: '1' }));
    }
  });

  test('goes on after a write that failed half way', async () => {
    let full = false;
    const storage = fileStorage(path, {
      readFile: fs.readFile,
      writeFile: fs.writeFile,
      rename: fs.rename,
      appendFile: async (to, text, options) => {
        await fs.appendFile(to, full ? text.slice(0, 5) : text, options);
        if (full) throw new Error('ENOSPC');
      },
    });
    await storage.load();
    await storage.write(changes({ a: '1' }));
    full = true;
    await expect(storage.write(changes({ b: '2' }))).rejects.toMatchObject({ code: 'storage_failed' });
    full = false;
    await storage.write(changes({ c: '3' }));
    expect(await fileStorage(path, fs).load()).toEqual(changes({ a: '1', c: '3' }));
  });

  test('keeps no line with keys of an exchange that were dropped', async () => {
    const storage = await opened();
    const [old, next] = ['ab'.repeat(32), 'cd'.repeat(32)];
    const state = (...keys: string[]) => JSON.stringify({ sessions: keys.map((id) => ({ id })) });
    await storage.write(changes({ 'exchange:E011T7D': state(old) }));
    await storage.write(changes({ 'exchange:E011T7D': state(old, next) }));
    expect(await text()).toContain(old);
    await storage.write(changes({ 'exchange:E011T7D': state(next) }));
    expect(await text()).not.toContain(old);
    expect(await fileStorage(path, fs).load()).toEqual(changes({ 'exchange:E011T7D': state(next) }));
  });

  test('keeps keys of messages that were used for 64 lines at most, and none once it is closed', async () => {
    const storage = await opened();
    const state = (counter: number) =>
      changes({ 'exchange:E011T7D': JSON.stringify({ sessions: [{ id: 'ab', key: `key ${counter};` }] }) });
    for (let counter = 0; counter < 200; counter++) await storage.write(state(counter));
    const lines = (await text()).split('\n');
    expect(lines.length).toBeLessThanOrEqual(66);
    await storage.close();
    expect((await text()).match(/key \d+;/g)).toEqual(['key 199;']);
    expect(await fileStorage(path, fs).load()).toEqual(state(199));
  });

  test('does not take another file for its own', async () => {
    await fs.writeFile(path, 'not\nours\n');
    await expect(fileStorage(path, fs).load()).rejects.toMatchObject({ code: 'storage_failed' });
    expect(await text()).toBe('not\nours\n');
  });
});

describe('of all tabs, one speaks', () => {
  /** The Web Locks of one browser, as the standard has them, for one name. */
  class OneLock implements Locks {
    #held: { steal: () => void } | null = null;
    #line: (() => void)[] = [];

    async request(
      _name: string,
      options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
      callback: (lock: object | null) => Promise<void>,
    ): Promise<unknown> {
      if (options.steal) {
        this.#held?.steal();
        this.#held = null;
      } else if (this.#held !== null && options.ifAvailable) {
        return callback(null);
      }
      while (this.#held !== null) {
        await new Promise<void>((resolve, reject) => {
          this.#line.push(resolve);
          options.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
        });
      }
      return new Promise((resolve, reject) => {
        const held = { steal: () => reject(new DOMException('stolen', 'AbortError')) };
        this.#held = held;
        void callback({}).then(() => {
          if (this.#held !== held) return;
          this.#held = null;
          resolve(undefined);
          for (const next of this.#line.splice(0)) next();
        });
      });
    }
  }

  test('the next gets the lock when the first lets go', async () => {
    const locks = new OneLock();
    const first = await takeTabLock({ locks, name: 'x' });
    const told = vi.fn();
    const waiting = takeTabLock({ locks, name: 'x', onElsewhere: () => told() });
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    first.release();
    await waiting;
  });

  test('the next may take it, and then the first learns that it has lost it', async () => {
    const locks = new OneLock();
    const first = await takeTabLock({ locks, name: 'x' });
    const second = await takeTabLock({ locks, name: 'x', onElsewhere: (takeOver) => takeOver() });
    await first.lost;
    let lost = false;
    void second.lost.then(() => {
      lost = true;
    });
    second.release();
    await takeTabLock({ locks, name: 'x' });
    expect(lost).toBe(false);
  });

  test('who no longer waits gets nothing', async () => {
    const locks = new OneLock();
    await takeTabLock({ locks, name: 'x' });
    const aborter = new AbortController();
    const waiting = takeTabLock({ locks, name: 'x', signal: aborter.signal });
    aborter.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });
});
