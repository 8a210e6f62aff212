import type { Relay } from '../../client/index.ts';
import { readSettings } from '../kept/settings.ts';

/**
 * Has this browser woken while the page is closed, if its user wants notifications and the relay pushes; otherwise takes
 * that back. Called at each login: push services forget, and an operator may have changed the relay's key.
 */
export async function keepPushed(relay: Relay): Promise<void> {
  const { pushManager } = (await navigator.serviceWorker?.getRegistration()) ?? {};
  if (pushManager === undefined) return;
  const known = await pushManager.getSubscription();
  if (!readSettings().notify) {
    if (known === null) return;
    await relay.push({ endpoint: known.endpoint, remove: true });
    await known.unsubscribe();
    return;
  }
  const key = await relay.push();
  if (key === null) return;
  const isOurs = known !== null && base64url(known.options.applicationServerKey) === key;
  if (known !== null && !isOurs) await known.unsubscribe();
  const subscription = isOurs
    ? known
    : await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys: { p256dh = '', auth = '' } = {} } = subscription.toJSON();
  if (endpoint !== undefined) await relay.push({ endpoint, p256dh, auth });
}

function base64url(bytes: ArrayBuffer | null): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes ?? [])));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
