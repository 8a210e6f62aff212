/** Times of the Redis engine, ms. The relations between them are what matters; tests shrink them together. */
export interface Timings {
  /** No answer for so long ends a connection; so does a connection that takes longer to open. */
  readonly commandTimeoutMs: number;
  /** All attempts of one call together: above it the caller hears `unavailable`. */
  readonly callTimeoutMs: number;
  /** What WAIT may take, within the command timeout. */
  readonly waitTimeoutMs: number;
  readonly probeEveryMs: number;
  /** A probe that has not come back by then is lost. */
  readonly probePatienceMs: number;
  /** A deaf connection is made anew at most so often. */
  readonly resubscribeEveryMs: number;
  /** The backstop: every mailbox with a listener is looked at so often, jittered downwards by a quarter. */
  readonly pollEveryMs: number;
  /** The same while a shard's probe does not come back, jittered downwards by half. */
  readonly silentPollEveryMs: number;
  /** After a reconnect everybody reclaims or looks within this time, not at once. */
  readonly spreadMs: number;
  /** A channel that nobody listens to any more is kept for so long: a reconnect often comes soon. */
  readonly lingerMs: number;
  /** How often the slots of a Cluster, or the master that Sentinel names, are asked for without a reason. */
  readonly discoverEveryMs: number;
  readonly presenceEveryMs: number;
  /** The key of a node that has died is gone after this. */
  readonly presenceTtlMs: number;
  /** How often waiting mail is estimated, on each node. */
  readonly sampleEveryMs: number;
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
  presenceEveryMs: 10_000,
  presenceTtlMs: 30_000,
  sampleEveryMs: 60_000,
  startTimeoutMs: 10_000,
};
