/**
 * Whether two texts are the same WebSocket URL by RFC 3986, 6.2: case, default port, dot segments, percent-encoding,
 * the dot behind a host name, the spellings of an IPv6 address, and IDN. False if either is not `ws://` or `wss://`.
 */
export function sameUrl(one: string, other: string): boolean {
  if (one === other) return true;
  const canonical = canonicalUrl(one);
  return canonical !== null && canonical === canonicalUrl(other);
}

function canonicalUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^wss?:$/.test(url.protocol) || url.username + url.password + url.hash !== '')
    return null;
  const path = url.pathname.replaceAll(/%[0-9a-f]{2}/gi, decodeUnreserved);
  return `${url.protocol}//${url.hostname.replace(/\.$/, '')}:${url.port}${path}${url.search}`;
}

function decodeUnreserved(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : encoded.toUpperCase();
}
