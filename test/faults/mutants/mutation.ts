/** One way to break the relay, and the scenario that must notice. */
export interface Mutation {
  readonly name: string;
  /** Below dist/. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** More places, where one alone is made good by another rule. In the same file, unless another is named. */
  readonly also?: readonly { readonly file?: string; readonly from: string; readonly to: string }[];
  /** In the order of trying; the first that fails has caught it. */
  readonly scenarios: readonly [string, ...string[]];
}

/** Every place that a mutation changes. */
export function placesOf({ file, from, to, also = [] }: Mutation) {
  return [{ file, from, to }, ...also.map((place) => ({ file, ...place }))];
}

/** What became of one, as it stands in the file that docs/reliability.md is made from. */
export interface MutantResult {
  readonly name: string;
  readonly tried: readonly string[];
  /** The scenario that failed; null if all passed. */
  readonly caughtBy: string | null;
  readonly evidence: string;
}
