import { readCode } from '../../client/index.ts';

/**
 * Reads a code out of whatever people type or paste: with spaces or dashes, or the link of an invitation
 * (`https://relay.example/#E011T7D`). Null if there is none.
 */
export function readInvitation(text: string): string | null {
  const behind = text.slice(text.lastIndexOf('#') + 1);
  return readCode(behind.replaceAll(/[\s\-‐-―_./]/gu, ''));
}

/** Of what stands behind `#` in the address: `E011T7D` in an invitation, `/E011T7D` for a conversation. */
export function codeInAddress(): string | null {
  try {
    return readInvitation(decodeURIComponent(location.hash.slice(1)));
  } catch {
    // Not percent-encoding.
    return null;
  }
}

/** What a person who opens it finds filled in. */
export function invitationTo(code: string): string {
  return `${location.origin}/#${code}`;
}

/** Each conversation has an address, so that Back, reload and bookmarks work. */
export function goTo(code: string | null): void {
  const hash = code === null ? '' : `#/${code}`;
  if (location.hash !== hash) window.history.pushState(null, '', `/${hash}`);
}

/** Calls back when the address changes by Back, Forward, a link or a keyboard. */
export function onAddress(listener: () => void): void {
  addEventListener('popstate', listener);
  addEventListener('hashchange', listener);
}
