/** Ranges of parts, first and last included, in order and apart from each other. */
export type PartRanges = ReadonlyArray<readonly [first: number, last: number]>;

/** Which of a file's parts are there: one bit each. */
export class PartSet {
  readonly parts: number;
  readonly #bits: Uint8Array;
  #count = 0;
  /** No part below is missing. */
  #first = 0;

  constructor(parts: number, ranges: PartRanges = []) {
    this.parts = parts;
    this.#bits = new Uint8Array(Math.ceil(parts / 8));
    for (const [first, last] of ranges) {
      for (let part = Math.max(0, first); part <= Math.min(last, parts - 1); part++) this.add(part);
    }
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.parts;
  }

  /** The first part that is missing; `parts` if none is. */
  get firstMissing(): number {
    while (this.#first < this.parts && this.has(this.#first)) this.#first += 1;
    return this.#first;
  }

  has(part: number): boolean {
    return (((this.#bits[part >> 3] ?? 0) >> (part & 7)) & 1) === 1;
  }

  /** False if it was there. */
  add(part: number): boolean {
    if (part >= this.parts || this.has(part)) return false;
    this.#bits[part >> 3] = (this.#bits[part >> 3] ?? 0) | (1 << (part & 7));
    this.#count += 1;
    return true;
  }

  /** The first ranges, at most so many: what is left out counts as missing, which costs only a repetition. */
  ranges(max: number): PartRanges {
    const ranges: [number, number][] = [];
    for (let part = 0; part < this.parts; part++) {
      if (!this.has(part)) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === part - 1) last[1] = part;
      else if (ranges.length === max) break;
      else ranges.push([part, part]);
    }
    return ranges;
  }
}

/** Null unless it is a list of ranges. */
export function readRanges(value: unknown): PartRanges | null {
  if (!Array.isArray(value)) return null;
  const isRange = (each: unknown) =>
    Array.isArray(each) && each.length === 2 && each.every((part) => Number.isSafeInteger(part) && part >= 0);
  return value.every(isRange) ? (value as PartRanges) : null;
}
