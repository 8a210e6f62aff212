/** What a run looked like, for the plot. */
export interface Sample {
  readonly atMs: number;
  /** Since the beginning. */
  readonly accepted: number;
  readonly received: number;
  /** Accepted and not received yet. */
  readonly missing: number;
  readonly connected: number;
  /** Of all nodes together, resident. */
  readonly memoryBytes: number;
}

export interface Mark {
  readonly atMs: number;
  readonly what: string;
}

export interface Timeline {
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
}
