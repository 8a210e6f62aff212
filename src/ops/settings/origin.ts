/** What would be right where `readOrigin` refuses. */
export const ORIGIN_RIGHT =
  'must be * alone, or a list of origins such as https://chat.example, https://*.chat.example, capacitor://localhost ' +
  'or null, without a path';

/** Schemes that no `Origin` has: of these pages browsers send `null`, or there are none; and misspelled `https`. */
const NO_ORIGIN = /^(wss?|ftp|blob|data|about|javascript|filesystem|view-source|(?!https?:)h*t+p*s*):/i;
/** `capacitor://localhost`, `tauri://localhost`, `chrome-extension://<id>`: as the web view of an app sends it. */
const APP_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[\w.-]+(:\d{1,5})?$/;
const WILDCARD = /^(https?:\/\/)\*\.([^*.:/][^*]*)$/i;

/**
 * Reads an entry of RELAY_ALLOWED_ORIGINS into the one form that browsers send (RFC 6454, 6.2), with which the `Origin`
 * header is compared. `https://*.chat.example` stands for any one label.
 * @returns null for what no browser could ever send: it would match nothing
 */
export function readOrigin(text: string): string | null {
  if (text === 'null' || text === 'file://') return text;
  const [, scheme, rest] = WILDCARD.exec(text) ?? [];
  // With any label in its place: then it must be an origin.
  if (rest !== undefined) return readOrigin(`${scheme}x.${rest}`)?.replace('://x.', '://*.') ?? null;
  if (NO_ORIGIN.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol === 'http:' || url.protocol === 'https:')
    return `${url.origin}/` === url.href && !url.host.includes('*') ? url.origin : null;
  const app = `${url.protocol}${text.slice(url.protocol.length)}`;
  return APP_ORIGIN.test(app) ? app : null;
}
