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

let asked = false;

/** Asks the browser, once, not to clear this page's storage when the disk fills. It may refuse. */
export async function keepForGood(): Promise<void> {
  if (asked) return;
  asked = true;
  // Only pages of secure origins have it.
  await navigator.storage?.persist?.().catch(() => false);
}

/** Bytes that this page takes in this browser, and whether the browser will keep them; null if it does not say. */
export async function storageTaken(): Promise<{ readonly bytes: number; readonly forGood: boolean } | null> {
  const bytes = (await navigator.storage?.estimate())?.usage;
  return bytes === undefined ? null : { bytes, forGood: await navigator.storage.persisted() };
}
