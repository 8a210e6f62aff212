/** Times of the Redis engine, ms. Their relations matter; tests shrink them together. */
export interface Timings {
  /** A connection ends if the oldest command is unanswered for so long, or if it takes longer to open. */
  readonly commandTimeoutMs: number;
  /** All attempts of one call together; beyond it the call is `unavailable`. */
  readonly callTimeoutMs: number;
  /** How long WAIT may take, within the command timeout. */
  readonly waitTimeoutMs: number;
  readonly probeEveryMs: number;
  /** A probe that has not come back after this time is lost. */
  readonly probePatienceMs: number;
  /** A silent subscriber connection is replaced at most so often. */
  readonly resubscribeEveryMs: number;
  /** The backstop: each mailbox with a listener is polled so often, less up to a quarter of jitter. */
  readonly pollEveryMs: number;
  /** The same while the probe of a shard does not come back, less up to a half of jitter. */
  readonly silentPollEveryMs: number;
  /** After a reconnect, sessions reclaim or poll spread over this time, not all at once. */
  readonly spreadMs: number;
  /** A channel without listeners is kept for so long: a client often reconnects soon. */
  readonly lingerMs: number;
  /** How often the slots of a Cluster, or the master of Sentinel, are asked for routinely. */
  readonly discoverEveryMs: number;
  /** How often each server is asked whether it is still fit: an operator may have changed it. */
  readonly checkEveryMs: number;
  readonly presenceEveryMs: number;
  /** Lifetime of a node's key after its last heartbeat. */
  readonly presenceTtlMs: number;
  /** How often waiting mail is estimated, on each node. */
  readonly sampleEveryMs: number;
  /** A user who was found away is taken to be announced after this time: a client often reconnects soon. */
  readonly announceAfterMs: number;
  /** Within this time each node finds what others have noted and left behind. */
  readonly announceSweepMs: number;
  /** How often one node sweeps: cut-off deletions, and a page of idle accounts. */
  readonly sweepEveryMs: number;
  readonly startTimeoutMs: number;
}

export const TIMINGS: Timings = {
  commandTimeoutMs: 1_000,
  callTimeoutMs: 1_500,
  waitTimeoutMs: 700,
  probeEveryMs: 2_000,
  probePatienceMs: 1_500,
  resubscribeEveryMs: 10_000,
  pollEveryMs: 40_000,
  silentPollEveryMs: 5_000,
  spreadMs: 1_000,
  lingerMs: 1_000,
  discoverEveryMs: 5_000,
  checkEveryMs: 5_000,
  presenceEveryMs: 10_000,
  presenceTtlMs: 30_000,
  sampleEveryMs: 60_000,
  announceAfterMs: 1_000,
  announceSweepMs: 20_000,
  sweepEveryMs: 1_000,
  startTimeoutMs: 10_000,
};
