import { readAddress } from './ip-address.ts';

/** The client of one proxy, as that proxy names it: an address, or null if none can be read from what it wrote. */
export type Hop = string | null;

/** `X-Forwarded-For`, all lines joined by commas; the proxy next to us wrote the last entry. */
export function readForwardedFor(lines: string): Hop[] {
  return lines
    .split(',')
    .filter((entry) => entry.trim() !== '')
    .map((entry) => readNode(entry));
}

/** `Forwarded` (RFC 7239), all lines joined by commas. An element without `for` names no address. */
export function readForwarded(lines: string): Hop[] {
  const elements = splitOutsideQuotes(lines, ',');
  // A client may have opened a quote to swallow what the proxy appended.
  if (elements === null) return [null];
  return elements
    .filter((element) => element.trim() !== '')
    .map((element) => {
      const pairs = splitOutsideQuotes(element, ';') ?? [];
      const values = pairs.flatMap((pair) => FOR.exec(pair)?.[1] ?? []);
      return values.length === 1 && values[0] !== undefined ? readNode(values[0]) : null;
    });
}

const FOR = /^\s*for=(.*)$/i;
const BRACKETED = /^\[([^\]]*)\](?::[\w.-]*)?$/;
/** A port is digits, or an obfuscated name (RFC 7239, 6.3). */
const WITH_PORT = /^(.+):(?:\d{0,5}|_[\w.-]+)$/;

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, each perhaps in quotes. */
function readNode(text: string): Hop {
  const node = unquote(text.trim());
  const bracketed = BRACKETED.exec(node)?.[1];
  if (bracketed !== undefined) return readAddress(bracketed);
  const host = WITH_PORT.exec(node)?.[1];
  return readAddress(node) ?? (host === undefined ? null : readAddress(host));
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"')
    ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    : text;
}

/** Null if a quote is open at the end. */
function splitOutsideQuotes(text: string, separator: string): string[] | null {
  const parts = [''];
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quoted && character === '\\') {
      parts[parts.length - 1] += text.slice(index, index + 2);
      index += 1;
      continue;
    }
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return quoted ? null : parts;
}
