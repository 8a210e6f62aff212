import type { Engine } from '../../engine/engine.ts';
import type { Logger } from '../../ops/log/log.ts';
import type { Metrics } from '../../ops/metrics/metrics.ts';
import type { Config } from '../../ops/settings/config.ts';
import type { InflightBudget } from '../limits/inflight-budget.ts';
import { RateLimiter } from '../limits/rate-limiter.ts';
import { Semaphore } from '../limits/semaphore.ts';
import { TakeoverDamping } from '../limits/takeover-damping.ts';
import { WorkLevel } from '../limits/work-level.ts';
import { Batcher } from './batcher.ts';
import { FairScheduler } from './fair-scheduler.ts';
import { PushFailures } from './push-failures.ts';

/** Mailbox pages that one node reads at once: bounds memory, and the load on the store when all users reconnect. */
const READS_AT_ONCE = 64;
/** The bucket for penalties holds this many seconds of its flow: an honest client hardly ever pays one. */
const PENALTY_BURST_S = 25;
/** A bucket holds this many seconds of its flow. */
const BURST_S = 2;

/** What all sockets of one process share. */
export interface RelayContext {
  readonly config: Config;
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Monotonic milliseconds: no clock step moves a deadline. */
  readonly now: () => number;
  /** Milliseconds since 1970: only for figures that are compared with the store's clock. */
  readonly clock: () => number;
  readonly inflight: InflightBudget;
  readonly scheduler: FairScheduler;
  readonly reads: Semaphore;
  readonly batcher: Batcher;
  readonly rates: Rates;
  readonly takeoverDamping: TakeoverDamping;
  readonly pushFailures: PushFailures;
  readonly workLevel: WorkLevel;
}

interface Rates {
  /** Per user. */
  readonly envelopes: RateLimiter;
  readonly bytes: RateLimiter;
  /**
   * Paid for noise (pings, receipts that match nothing, frames refused for being too fast) and, at a higher price, for
   * faults. An empty bucket: 4429 after noise, and a wait before the next login after either.
   */
  readonly penalties: RateLimiter;
  /** Per address. */
  readonly connections: RateLimiter;
  readonly upgrades: RateLimiter;
  readonly registrations: RateLimiter;
  readonly lookups: RateLimiter;
}

export function createRelayContext(
  parts: Pick<RelayContext, 'config' | 'engine' | 'log' | 'metrics'>,
): RelayContext {
  const { config } = parts;
  const now = () => performance.now();
  const inflight: InflightBudget = { bytes: 0, bytesMax: config.inflightBytes };
  // Read at each use: they can change while the node runs.
  const limiter = (perSecond: () => number, burstS = BURST_S) =>
    new RateLimiter({
      get perSecond() {
        return perSecond();
      },
      get burst() {
        return Math.max(1, perSecond() * burstS);
      },
      now,
    });
  return {
    ...parts,
    now,
    clock: Date.now,
    inflight,
    scheduler: new FairScheduler({ nodeBudget: inflight, bytesMax: config.inflightBytesPerSocket, now }),
    reads: new Semaphore(READS_AT_ONCE),
    batcher: new Batcher(now),
    takeoverDamping: new TakeoverDamping({ free: config.takeoversMax, now }),
    pushFailures: new PushFailures(),
    workLevel: new WorkLevel({ bits: () => config.registrationWorkBits, now }),
    rates: {
      envelopes: limiter(() => config.envelopesPerSecond),
      bytes: limiter(() => config.bytesPerSecond),
      penalties: limiter(() => config.noisePerSecond, PENALTY_BURST_S),
      // Pages and look-ups need connections too.
      connections: limiter(() => 2 * config.upgradesPerSecond),
      upgrades: limiter(() => config.upgradesPerSecond),
      registrations: limiter(() => config.registrationsPerMinute / 60, 60),
      lookups: limiter(() => config.lookupsPerMinute / 60, 60),
    },
  };
}
