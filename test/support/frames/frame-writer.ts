import type { Random } from '../random.ts';

/** What an envelope means, however it is written. */
export interface Meaning {
  readonly sender: string;
  readonly recipient: string;
  readonly id: string | null;
  readonly type: string;
  /** As JSON, passed on as it is. */
  readonly payload: string;
  readonly signature: string;
}

/**
 * What is wrong with a frame on purpose: a name of ours stands twice, or beside one that only case tells from it, or
 * a few characters are other ones.
 */
export type Fault = 'doubled' | 'lookalike' | 'broken' | null;

type Node =
  | { readonly members: [name: string, value: Node][] }
  | { readonly text: string }
  | { readonly raw: string };

const ALIKE: Record<string, string[]> = { s: ['S', '\u017f'], i: ['I', '\u0131', '\u0130'] };
const UNKNOWN_VALUES = ['1', '"x"', 'null', '{"a":[true,{"b":{}}]}', '[]', '1.50e+3', '{"\\u0061":"}"}'];
const PIECES = [...'{}[]",:\\', '\\u0061', ...'0-eé \0', '"id":"x",', 'null'];

/**
 * Writes one meaning in one of the countless ways that JSON has: in another order, with spaces, escapes, unknown
 * members between. A fault makes a frame that some parser would read differently, or none at all.
 */
export function writeFrame(meaning: Meaning, fault: Fault, random: Random): string {
  const message: Node = {
    members: [
      ['type', { text: meaning.type }],
      ['payload', { raw: meaning.payload }],
    ],
  };
  const data: Node = {
    members: [
      ['sender', { text: meaning.sender }],
      ['recipient', { text: meaning.recipient }],
      ['message', message],
    ],
  };
  if (meaning.id !== null) data.members.push(['id', { text: meaning.id }]);
  const frame: Node = {
    members: [
      ['data', data],
      ['signature', { text: meaning.signature }],
    ],
  };
  const ours = [message, data, frame];
  if (fault === 'doubled' || fault === 'lookalike') {
    const { members } = random.pick(ours);
    const [name, value] = random.pick(members);
    const other: Node = random.once(2) ? value : { raw: random.pick(UNKNOWN_VALUES) };
    members.push([fault === 'doubled' ? name : alike(name, random), other]);
  }
  for (const { members } of ours) {
    while (random.once(3)) members.push([`x${members.length}`, { raw: random.pick(UNKNOWN_VALUES) }]);
  }
  const text = space(random) + write(frame, random) + space(random);
  return fault === 'broken' ? spoil(text, random) : text;
}

function write(node: Node, random: Random): string {
  if ('raw' in node) return node.raw;
  if ('text' in node) return quote(node.text, random);
  const members = random
    .shuffle(node.members)
    .map(([name, value]) => `${quote(name, random)}${space(random)}:${space(random)}${write(value, random)}`);
  return `{${space(random)}${members.join(`${space(random)},${space(random)}`)}${space(random)}}`;
}

/** Some characters as escapes, now and then. */
function quote(text: string, random: Random): string {
  if (!random.once(3)) return JSON.stringify(text);
  const characters = Array.from(text, (character) =>
    random.once(4) ? escaped(character, random) : character,
  );
  return `"${characters.join('')}"`;
}

function escaped(character: string, random: Random): string {
  const units = Array.from({ length: character.length }, (_, index) => {
    const hex = character.charCodeAt(index).toString(16).padStart(4, '0');
    return `\\u${random.once(2) ? hex : hex.toUpperCase()}`;
  });
  return units.join('');
}

function space(random: Random): string {
  return random.once(4) ? random.pick([' ', '\n', '\t', '\r\n', '   ']) : '';
}

/** The name with one letter in another case, as some parser sees it. */
function alike(name: string, random: Random): string {
  const letters = [...name];
  const at = random.below(letters.length);
  const letter = letters[at] ?? '';
  letters[at] = random.pick([letter.toUpperCase(), ...(ALIKE[letter] ?? [])]);
  return letters.join('');
}

function spoil(text: string, random: Random): string {
  let spoiled = text;
  do {
    const at = random.below(spoiled.length + 1);
    const piece = random.once(3)
      ? ''
      : random.once(2)
        ? random.pick(PIECES)
        : spoiled.slice(random.below(at + 1), at);
    spoiled = spoiled.slice(0, at) + piece + spoiled.slice(at + random.below(3));
  } while (random.once(2));
  return spoiled;
}
