import { byteAt } from './bytes.ts';
import { stringText } from './text.ts';

/** Up to this many, the names of an object are compared with one another; then they go into a set. */
const COMPARED_NAMES_MAX = 16;
/** Longer names go into a set too, so that 16 names of 64 KB do not cost 120 comparisons of 64 KB. */
const COMPARED_BYTES_MAX = 32;

/** The bytes between the quotes of a name. */
interface Name {
  readonly start: number;
  readonly end: number;
  readonly escaped: boolean;
}

/**
 * The names of the objects that are open while a document is scanned, to find two that are equal.
 *
 * Objects of ordinary frames have a handful of names: comparing their bytes allocates nothing. An object with many names,
 * or with an escaped one, gets a set of unescaped names, so that work stays linear.
 */
export class OpenNames {
  /** Pairs of start and end; `COMPARED_NAMES_MAX` for each depth. */
  readonly #spans: Int32Array;
  readonly #counts: Int32Array;
  readonly #sets: (Set<string> | null)[];

  #usedSets = false;

  constructor(depthMax: number) {
    this.#spans = new Int32Array((depthMax + 1) * COMPARED_NAMES_MAX * 2);
    this.#counts = new Int32Array(depthMax + 1);
    this.#sets = new Array<Set<string> | null>(depthMax + 1).fill(null);
  }

  /** An object begins: forgets the names of the last one at this depth. */
  open(depth: number): void {
    this.#counts[depth] = 0;
    this.#sets[depth] = null;
  }

  /** Releases the document, which may be large. */
  finish(): void {
    if (this.#usedSets) this.#sets.fill(null);
    this.#usedSets = false;
  }

  /** False if the object at `depth` has the name already. */
  add(bytes: Uint8Array, depth: number, name: Name): boolean {
    const set = this.#sets[depth] ?? null;
    const count = this.#counts[depth] ?? 0;
    const long = name.end - name.start > COMPARED_BYTES_MAX;
    if (set !== null || name.escaped || long || count === COMPARED_NAMES_MAX) {
      return addToSet(set ?? this.#startSet(bytes, depth, count), bytes, name);
    }
    const base = depth * COMPARED_NAMES_MAX * 2;
    for (let at = base; at < base + count * 2; at += 2) {
      const start = this.#spans[at] ?? 0;
      if ((this.#spans[at + 1] ?? 0) - start === name.end - name.start && sameBytes(bytes, start, name))
        return false;
    }
    this.#spans[base + count * 2] = name.start;
    this.#spans[base + count * 2 + 1] = name.end;
    this.#counts[depth] = count + 1;
    return true;
  }

  #startSet(bytes: Uint8Array, depth: number, count: number): Set<string> {
    const set = new Set<string>();
    this.#sets[depth] = set;
    this.#usedSets = true;
    const base = depth * COMPARED_NAMES_MAX * 2;
    for (let at = base; at < base + count * 2; at += 2) {
      addToSet(set, bytes, { start: this.#spans[at] ?? 0, end: this.#spans[at + 1] ?? 0, escaped: false });
    }
    return set;
  }
}

function addToSet(set: Set<string>, bytes: Uint8Array, name: Name): boolean {
  // V8 hashes strings that look like numbers by their value, without its random seed (CVE-2026-21717), so that chosen
  // names could all fall into one bucket: with the quote in front none looks like a number.
  const { start, end, escaped } = name;
  const size = set.size;
  return set.add(stringText(bytes, { start: start - 1, end, escaped })).size > size;
}

function sameBytes(bytes: Uint8Array, otherStart: number, name: { start: number; end: number }): boolean {
  for (let index = name.start, other = otherStart; index < name.end; index++, other++) {
    if (byteAt(bytes, index) !== byteAt(bytes, other)) return false;
  }
  return true;
}
