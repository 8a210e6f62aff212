import { equalsAscii } from './bytes.ts';
import type { StringSpan } from './strings.ts';
import { stringText } from './text.ts';

/** A known member name: lower-case ASCII letters and `_`. */
export interface Member {
  readonly name: string;
  /** The place of its value: see `JsonShape`. */
  readonly place: number;
}

/** The member whose name stands at `name`, or null. */
export function findMember(members: readonly Member[], bytes: Uint8Array, name: StringSpan): Member | null {
  const text = name.escaped ? stringText(bytes, name) : null;
  for (const member of members) {
    if (text === null ? equalsAscii(bytes, name, member.name) : text === member.name) return member;
  }
  return null;
}

/** Whether a parser that ignores case (as Go's does) takes an unknown name for a known one. */
export function isLookalike(members: readonly Member[], bytes: Uint8Array, name: StringSpan): boolean {
  // Folding shortens U+017F from two bytes to one and U+212A from three: a longer name cannot become a known one.
  if (!name.escaped && name.end - name.start > NAME_BYTES_MAX * 3) return false;
  if (
    !name.escaped &&
    !name.beyondAscii &&
    !members.some((member) => member.name.length === name.end - name.start)
  ) {
    return false;
  }
  const folded = foldCase(stringText(bytes, name));
  return members.some((member) => member.name === folded);
}

/**
 * A name without the case differences that common parsers ignore: ASCII; Unicode's simple folding, by which
 * U+017F (long s) is s and U+212A (Kelvin) is k, as in Go's encoding/json; and Java's equalsIgnoreCase, by which
 * U+0130 and U+0131 (i with and without dot) are i.
 */
export function foldCase(name: string): string {
  return name
    .replaceAll('\u017f', 's')
    .replaceAll('\u212a', 'k')
    .replaceAll(/[\u0130\u0131]/g, 'i')
    .toLowerCase();
}

/** Longer than every known name. */
const NAME_BYTES_MAX = 16;
