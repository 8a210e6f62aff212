import { readSettings } from '../kept/settings.ts';

/** Says that somebody has written while the page is hidden. Without their words: others may see the screen. */
export async function notify(code: string, name: string): Promise<void> {
  if (document.visibilityState === 'visible' || !readSettings().notify) return;
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const worker = await navigator.serviceWorker?.getRegistration();
  await worker?.showNotification(name, {
    body: 'New message',
    icon: '/icon.svg',
    tag: code,
    silent: true,
    data: `#/${code}`,
  });
}

/** A click on a notification leads here. */
export function onNotificationClick(listener: (address: string) => void): void {
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    const address = (data as { readonly address?: unknown } | null)?.address;
    if (typeof address === 'string') listener(address);
  });
}
