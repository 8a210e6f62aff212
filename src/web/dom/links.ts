import { make } from './dom.ts';

const LINK = /\bhttps?:\/\/[^\s<>"]+/gi;
/** What ends a sentence rather than an address. */
const BEHIND = /[.,;:!?'»”’]+$/;

/** Text with its addresses as links. They are only links: a preview would tell their servers that somebody reads this. */
export function withLinks(text: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0]);
    const link = make('a', { text: address });
    link.href = address;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    parts.push(text.slice(end, match.index), link);
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== '');
}

/** A closing bracket belongs to the address only if an opening one does. */
function trimmed(address: string): string {
  let short = address.replace(BEHIND, '');
  while (short.endsWith(')') && !short.includes('(')) short = short.slice(0, -1).replace(BEHIND, '');
  return short;
}
