/**
 * A slow, plain JSON reader that keeps what other readers throw away: members in their order, doubled names, spans.
 * The oracle of the strict scanner: from one tree, the readings that different parsers would give.
 */
export type Tree =
  | { kind: 'object'; members: [name: string, value: Tree][]; start: number; end: number }
  | { kind: 'array'; items: Tree[]; start: number; end: number }
  | { kind: 'scalar'; value: string | number | boolean | null; start: number; end: number };

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /"(?:[^"\\]|\\.)*"|[^\s,:\]}]+/sy;

/** Reads `text`, of which `JSON.parse` is known to accept every byte. Offsets count UTF-16 units. */
export function readTree(text: string): Tree {
  let at = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  const scalar = () => JSON.parse(skip(SCALAR)) as string | number | boolean | null;
  const value = (): Tree => {
    skip(SPACE);
    const start = at;
    if (text[at] === '{') return { kind: 'object', members: list('}', member), start, end: at };
    if (text[at] === '[') return { kind: 'array', items: list(']', value), start, end: at };
    return { kind: 'scalar', value: scalar(), start, end: at };
  };
  const member = (): [string, Tree] => {
    skip(SPACE);
    const name = String(scalar());
    skip(SPACE);
    at++;
    return [name, value()];
  };
  const list = <T>(close: string, read: () => T): T[] => {
    at++;
    const found: T[] = [];
    for (skip(SPACE); text[at] !== close; skip(SPACE)) {
      if (text[at] === ',') at++;
      found.push(read());
    }
    at++;
    return found;
  };
  // Spans end where reading ended: objects are finished before their `end` is read.
  return value();
}

/** How a parser picks a member: the first of its name, the last, or the last without regard to case. */
export type Reading = 'first' | 'last' | 'any case';

export const READINGS: readonly Reading[] = ['first', 'last', 'any case'];

/** What a parser finds at `path`, or undefined. */
export function find(tree: Tree, path: readonly string[], reading: Reading): Tree | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return tree;
  if (tree.kind !== 'object') return undefined;
  const same = ([other]: [string, Tree]) =>
    reading === 'any case' ? anyCase(name).test(other) : other === name;
  const found = reading === 'first' ? tree.members.find(same) : tree.members.findLast(same);
  return found === undefined ? undefined : find(found[1], rest, reading);
}

const PATTERNS = new Map<string, RegExp>();

/** Unicode's simple case folding, which the `iu` flags apply. */
function anyCase(name: string): RegExp {
  const pattern = PATTERNS.get(name) ?? new RegExp(`^${name}$`, 'iu');
  PATTERNS.set(name, pattern);
  return pattern;
}

/** Everything for which a strict reader refuses what `JSON.parse` accepts; null if there is nothing. */
export function laxity(tree: Tree, depthMax: number, depth = 1): string | null {
  if (tree.kind === 'scalar') return hasLoneSurrogate(tree.value) ? 'lone surrogate' : null;
  if (depth > depthMax) return 'too deep';
  if (tree.kind === 'array') return first(tree.items.map((item) => laxity(item, depthMax, depth + 1)));
  const names = tree.members.map(([name]) => name);
  if (new Set(names).size < names.length) return 'doubled name';
  if (names.includes('__proto__')) return '__proto__';
  if (names.some(hasLoneSurrogate)) return 'lone surrogate';
  return first(tree.members.map(([, value]) => laxity(value, depthMax, depth + 1)));
}

function first(found: (string | null)[]): string | null {
  return found.find((item) => item !== null) ?? null;
}

function hasLoneSurrogate(value: unknown): boolean {
  return typeof value === 'string' && /\p{Surrogate}/u.test(value);
}
