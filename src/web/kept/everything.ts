/** The databases of this page. */
const DATABASES = [
  'keyrelay-identity',
  'keyrelay-relay',
  'keyrelay-history',
  'keyrelay-people',
  'keyrelay-files',
] as const;

export const RELAY_STORE = 'keyrelay-relay';

/** Resolves also if another tab still holds it: then it goes when that tab is closed. */
export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => resolve();
    request.onblocked = () => resolve();
  });
}

/** Deletes whatever this page keeps in this browser. */
export async function deleteEverything(): Promise<void> {
  localStorage.clear();
  sessionStorage.clear();
  for (const name of DATABASES) await deleteDatabase(name);
  for (const name of await caches.keys()) await caches.delete(name);
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
}

/** Bytes that this page takes in this browser; null if it does not say. */
export async function bytesKept(): Promise<number | null> {
  return (await navigator.storage?.estimate())?.usage ?? null;
}
