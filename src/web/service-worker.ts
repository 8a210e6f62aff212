/**
 * Keeps the page's own files, so that it opens and its history can be read without the relay. The relay's answers
 * (`/users/…`, `/ws`) are never kept.
 */
declare const SHELL: readonly string[];
declare const VERSION: string;

/** The part of ServiceWorkerGlobalScope that is needed (https://www.w3.org/TR/service-workers/). */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Client {
  readonly url: string;
  readonly visibilityState: 'visible' | 'hidden';
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}
interface Worker {
  readonly registration: { showNotification(title: string, options: object): Promise<void> };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly Client[]>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate' | 'push', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: NotificationEvent) => void): void;
}
interface NotificationEvent extends ExtendableEvent {
  readonly notification: { readonly data: unknown; close(): void };
}

const worker = globalThis as unknown as Worker;
const NAME = `keyrelay-${VERSION}`;
/** The relay has this long to send the page itself; then the kept one is used. */
const PATIENCE_MS = 3_000;

worker.addEventListener('install', (event) => {
  event.waitUntil(fill().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(forgetOthers().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.method !== 'GET' || !SHELL.includes(pathname)) return;
  event.respondWith(pathname === '/' ? newestPage() : kept(pathname, request));
});

worker.addEventListener('push', (event) => {
  event.waitUntil(tellOfMail());
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(String(event.notification.data)));
});

async function fill(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: 'no-cache' })));
}

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
}

/** Names with hashes never change their content; the others change only with the service worker. */
async function kept(path: string, request: Request): Promise<Response> {
  return (await (await caches.open(NAME)).match(path)) ?? fetch(request);
}

/** The relay's own page if it answers soon, so that an update is seen at the first load. */
async function newestPage(): Promise<Response> {
  try {
    const answer = await fetch('/', { cache: 'no-cache', signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return answer;
  } catch {
    // The relay is away.
  }
  return (await (await caches.open(NAME)).match('/')) ?? Response.error();
}

/** Whatever the message says: the relay knows no more than that something waits. */
async function tellOfMail(): Promise<void> {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (pages.some(({ visibilityState }) => visibilityState === 'visible')) return;
  const look = { icon: '/icon.svg', tag: 'mailbox', data: '' };
  await worker.registration.showNotification('keyrelay', { body: 'A message waits', ...look });
}

/** Opens the conversation that a notification was about. */
async function show(address: string): Promise<void> {
  const [open] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (open === undefined) {
    await worker.clients.openWindow(`/${address}`);
    return;
  }
  open.postMessage({ address });
  await open.focus();
}
