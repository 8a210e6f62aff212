/** Keeps an invitation over reloads of this tab. */
const INVITE = 'keyrelay-invite';

/** `#invite=TOKEN` lets a new user in. It leaves the address bar at once: a copied address would pass it on. */
export function takeInvite(): string | null {
  const [, token] = /^#invite=(.+)$/.exec(location.hash) ?? [];
  if (token === undefined) return sessionStorage.getItem(INVITE);
  sessionStorage.setItem(INVITE, decodeURIComponent(token));
  window.history.replaceState(null, '', location.pathname);
  return decodeURIComponent(token);
}
