import { ClientError, throwIfAborted } from '../errors.ts';

/** The part of `navigator.locks` that is needed (https://www.w3.org/TR/web-locks/). */
export interface Locks {
  request(
    name: string,
    options: { readonly ifAvailable?: boolean; readonly steal?: boolean; readonly signal?: AbortSignal },
    callback: (lock: object | null) => Promise<void>,
  ): Promise<unknown>;
}

/** One tab's right to use an identity. */
export interface TabLock {
  /** Resolves if another tab has taken it. */
  readonly lost: Promise<void>;
  release(): void;
}

/**
 * Takes the lock, or waits until the tab that holds it closes. If another tab holds it, `onElsewhere` is called with a
 * function that takes it over.
 */
export async function takeTabLock(options: {
  readonly locks: Locks;
  readonly name: string;
  readonly onElsewhere?: ((takeOver: () => void) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<TabLock> {
  const { locks, name, onElsewhere, signal } = options;
  throwIfAborted(signal);
  const atOnce = await attempt(locks, name, { ifAvailable: true });
  if (atOnce !== null) return atOnce;
  throwIfAborted(signal);

  const waiting = new AbortController();
  const ends = signal === undefined ? waiting.signal : AbortSignal.any([waiting.signal, signal]);
  const stolen = new Promise<TabLock | null>((resolve, reject) => {
    onElsewhere?.(() => {
      waiting.abort();
      attempt(locks, name, { steal: true }).then(resolve, reject);
    });
  });
  // The queued request is rejected when this tab gives it up, to take over or for good.
  const inLine = attempt(locks, name, { signal: ends }).catch((cause: unknown) => {
    if (waiting.signal.aborted) return stolen;
    throw new ClientError('aborted', 'Its AbortSignal fired before it was done.', { cause });
  });
  const lock = await Promise.race([inLine, stolen]);
  if (lock === null) throw new ClientError('displaced', 'Another tab holds this identity.');
  return lock;
}

/** Resolves when the lock is held, or to null if it is taken and `ifAvailable` was set. */
function attempt(
  locks: Locks,
  name: string,
  options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
): Promise<TabLock | null> {
  return new Promise((resolve, reject) => {
    let release = () => {};
    let tellLost = () => {};
    const held = new Promise<void>((free) => {
      release = free;
    });
    const lost = new Promise<void>((tell) => {
      tellLost = tell;
    });
    // The request settles when the lock is released, and rejects when it is stolen or no longer waited for.
    locks
      .request(name, options, (lock) => {
        resolve(lock === null ? null : { lost, release });
        return lock === null ? Promise.resolve() : held;
      })
      .catch((error: unknown) => {
        tellLost();
        reject(error);
      });
  });
}
