import fc from 'fast-check';
import { type PlainUser, signHex } from '../plain/users.ts';

/** Frames that are nearly right: how one is made, so that fast-check can shrink it to what matters. */

/** A change of the structure, before signing. `at` picks a member out of all that the frame has. */
interface Change {
  readonly what: (typeof CHANGES)[number];
  readonly at: number;
  readonly piece: number;
}

/** A change of the text, after signing. `at` is a position in thousandths of its length. */
interface Edit {
  readonly what: (typeof EDITS)[number];
  readonly at: number;
  readonly length: number;
  readonly piece: number;
}

export interface Recipe {
  readonly base: keyof typeof BASES;
  readonly changes: readonly Change[];
  /** Over what is sent; over what it was before the changes; by another user. */
  readonly signed: 'right' | 'before' | 'other';
  readonly edits: readonly Edit[];
  /** How it goes over the wire. */
  readonly by: 'text' | 'fragments' | 'binary' | 'not UTF-8' | 'too large' | 'far too large';
}

const CHANGES = ['drop', 'double', 'rename', 'value', 'add', 'first', 'escape', 'space'] as const;
const EDITS = ['delete', 'insert', 'replace', 'copy', 'cut'] as const;

export interface Cast {
  readonly own: PlainUser;
  /** Another user, who is offline. */
  readonly other: PlainUser;
  /** Protocol 2, before login. */
  readonly nonce: string;
}

type Node = { readonly members: [name: string, value: Node][] } | { readonly json: string };

const text = (value: string): Node => ({ json: JSON.stringify(value) });
const object = (...members: [string, Node][]): Node => ({ members });

const message = (sender: string, recipient: string, more: readonly [string, Node][], inner: Node): Node =>
  object(['sender', text(sender)], ['recipient', text(recipient)], ...more, ['message', inner]);

const typed = (type: string, ...more: [string, Node][]): Node => object(['type', text(type)], ...more);

const BASES = {
  note: ({ own }: Cast) =>
    message(own.code, own.code, [], typed('note', ['payload', { json: '[1.0,-0,1e2]' }])),
  letter: ({ own, other }: Cast) =>
    message(
      own.code,
      other.code,
      [['id', text('fuzz')]],
      typed('message', ['payload', object(['n', { json: '1' }])]),
    ),
  exchange: ({ own }: Cast) =>
    message(
      own.code,
      own.code,
      [],
      typed('key_exchange', ['payload', object(['ecdh_public_key', text(own.ecdhPublicKey)])]),
    ),
  lost: ({ own }: Cast) => message(own.code, '0000000', [['id', text('lost')]], typed('message')),
  forged: ({ own, other }: Cast) => message(other.code, own.code, [], typed('message')),
  relayed: ({ own }: Cast) => message(own.code, own.code, [], typed('connect_ack')),
  connect1: ({ own }: Cast) => object(['sender', text(own.code)], ['message', typed('connect')]),
  connect2: ({ own, nonce }: Cast) =>
    object(
      ['sender', text(own.code)],
      [
        'message',
        typed('connect', ['payload', object(['nonce', text(nonce)], ['audience', { json: 'null' }])]),
      ],
    ),
  ack: () => object(),
} as const;

const NAMES = [
  'data',
  'signature',
  'sender',
  'Sender',
  's\\u0065nder',
  '\u017fender',
  'recipient',
  'id',
  'ID',
  'message',
  'type',
  'payload',
  'ack',
  'Ack',
  '__proto__',
  'constructor',
  'nonce',
  'ecdh_public_key',
  'ECDH_public_key',
  '',
  '1',
  'x',
] as const;
const VALUES = [
  'null',
  '[]',
  '{}',
  '0',
  '-0',
  '1e400',
  'true',
  '""',
  '"server"',
  '"0000000"',
  '"e011t7d"',
  '"connect"',
  '"note"',
  '"drained"',
  '"Note"',
  '"\\u006eote"',
  '"\\ud83d"',
  '"\\ud83d\\ude00"',
  '"é\u{1d11e}"',
  '[[[[[[[]]]]]]]',
  '{"__proto__":1}',
  '{"a":1,"a":2}',
  '{"a":{"b":[{}]}}',
  `"${'f'.repeat(64)}"`,
  `"${'0'.repeat(128)}"`,
  `"${'x'.repeat(65)}"`,
  '01',
  'NaN',
  '"\t"',
  '',
] as const;
const PIECES = [...'{}[]",:\\', '\\u0061', '\\u', ...'0-.eé \n\0\ufeff', 'null', '"id":"x",', '{}', '//'];

const change = fc.record({ what: fc.constantFrom(...CHANGES), at: fc.nat(15), piece: fc.nat(99) });
const edit = fc.record({
  what: fc.constantFrom(...EDITS),
  at: fc.nat(999),
  length: fc.integer({ min: 1, max: 9 }),
  piece: fc.nat(99),
});

/** Two of three still have some life in them, so that a socket is not closed at once for ten faults. */
export const recipe: fc.Arbitrary<Recipe> = fc.record({
  base: fc.constantFrom(
    ...(Object.keys(BASES) as (keyof typeof BASES)[]),
    'note',
    'letter',
    'note',
    'letter',
    'lost',
    'ack',
    'note',
    'letter',
  ),
  changes: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
  ),
  signed: fc.oneof(
    { weight: 9, arbitrary: fc.constant('right' as const) },
    { weight: 1, arbitrary: fc.constantFrom('before' as const, 'other' as const) },
  ),
  edits: fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }) },
  ),
  by: fc.oneof(
    { weight: 180, arbitrary: fc.constant('text' as const) },
    { weight: 19, arbitrary: fc.constant('fragments' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'binary' as const,
        'not UTF-8' as const,
        'too large' as const,
        'far too large' as const,
      ),
    },
  ),
});

/** Signs, and remembers over what: a signature that was never made is wrong, and needs no verifying. */
export class Signatures {
  readonly #made = new Map<string, string>();
  readonly #by = new Map<string, string>();

  make(signer: PlainUser, data: string): string {
    const what = `${signer.code} ${data}`;
    const made = this.#made.get(what) ?? signHex(signer, data);
    this.#made.set(what, made);
    this.#by.set(made, what);
    return made;
  }

  isRight({ sender, data, signature }: { sender: string; data: string; signature: string }): boolean {
    return this.#by.get(signature.toLowerCase()) === `${sender} ${data}`;
  }
}

/** The text of the frame. */
export function cook({ base, changes, signed, edits }: Recipe, cast: Cast, signatures: Signatures): string {
  const data = BASES[base](cast);
  const before = write(data);
  const frame =
    base === 'ack' ? object(['ack', text('1-1')]) : object(['data', data], ['signature', text('')]);
  for (const each of changes) apply(each, frame);
  const signer = signed === 'other' ? cast.other : cast.own;
  const fill = (now: string) => signatures.make(signer, signed === 'before' ? before : now);
  return edits.reduce(edited, withSignature(frame, fill));
}

/** Signs the data as it is now, if both are where they belong. */
function withSignature(frame: Node, signatureOf: (data: string) => string): string {
  const written = write(frame);
  const data = 'members' in frame ? frame.members.find(([name]) => name === 'data')?.[1] : undefined;
  if (data === undefined || !written.includes('"signature":""')) return written;
  return written.replace('"signature":""', `"signature":"${signatureOf(write(data))}"`);
}

function apply({ what, at, piece }: Change, frame: Node): void {
  const places = membersOf(frame);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return;
  const { members, index } = place;
  const [name, value] = members[index] ?? ['', text('')];
  const other: Node = { json: VALUES[piece % VALUES.length] ?? '' };
  if (what === 'drop') members.splice(index, 1);
  else if (what === 'double') members.splice(index, 0, [name, piece % 2 === 0 ? value : other]);
  else if (what === 'rename') members[index] = [NAMES[piece % NAMES.length] ?? '', value];
  else if (what === 'value') members[index] = [name, other];
  else if (what === 'add') members.splice(index, 0, [NAMES[piece % NAMES.length] ?? '', other]);
  else if (what === 'first') members.unshift(...members.splice(index, 1));
  else if (what === 'escape') members[index] = [name.replace(/[a-z]/, escaped), value];
  else if ('json' in value) members[index] = [name, { json: ` \r\n${value.json}\t` }];
}

/** Every member of the tree, the outer ones first. */
function membersOf(node: Node): { members: [string, Node][]; index: number }[] {
  if (!('members' in node)) return [];
  const here = node.members.map((_, index) => ({ members: node.members, index }));
  return [...here, ...node.members.flatMap(([, value]) => membersOf(value))];
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function write(node: Node): string {
  if ('json' in node) return node.json;
  return `{${node.members.map(([name, value]) => `"${name}":${write(value)}`).join()}}`;
}

function edited(frame: string, { what, at, length, piece }: Edit): string {
  const start = Math.floor((at / 1_000) * (frame.length + 1));
  const end = what === 'insert' || what === 'copy' ? start : start + length;
  const inserted = PIECES[piece % PIECES.length] ?? '';
  const middle =
    what === 'copy'
      ? frame.slice(start, start + length)
      : what === 'delete' || what === 'cut'
        ? ''
        : inserted;
  const spoiled = frame.slice(0, start) + middle + (what === 'cut' ? '' : frame.slice(end));
  // Half of a surrogate pair is sent as U+FFFD.
  return Buffer.from(spoiled).toString();
}
