import type { Engine } from '../engine/engine.ts';
import type { Config } from '../ops/config.ts';
import type { Logger } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { Flaps } from './flaps.ts';
import { Gathering } from './gathering.ts';
import type { InflightBudget } from './inflight.ts';
import { Stumbles } from './poison.ts';
import { RateLimiter } from './rate.ts';
import { Semaphore } from './semaphore.ts';
import { Turns } from './turns.ts';

/** Mailbox pages that one node reads at once: bounds memory and the load on the store when everybody comes back. */
const READS_AT_ONCE = 64;
/** A bucket for what an honest client hardly ever sends holds this many seconds of its flow. */
const NOISE_BURST_S = 25;
/** A bucket holds this many seconds of its flow. */
const BURST_S = 2;

/** What all sockets of one process share. */
export interface Node {
  readonly config: Config;
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Monotonic milliseconds: no clock step moves a deadline. */
  readonly now: () => number;
  readonly inflight: InflightBudget;
  readonly turns: Turns;
  readonly reads: Semaphore;
  readonly receipts: Gathering;
  readonly rates: Rates;
  readonly flaps: Flaps;
  readonly stumbles: Stumbles;
}

interface Rates {
  /** Per user. */
  readonly envelopes: RateLimiter;
  readonly bytes: RateLimiter;
  /**
   * What is only noise: pings, receipts of nothing, frames refused for being too fast; and, dearer, faults. Beyond: 4429
   * for noise, and a wait before the next login for both.
   */
  readonly floods: RateLimiter;
  /** Per address. */
  readonly connections: RateLimiter;
  readonly upgrades: RateLimiter;
  readonly registrations: RateLimiter;
  readonly lookups: RateLimiter;
}

export function createNode(parts: Pick<Node, 'config' | 'engine' | 'log' | 'metrics'>): Node {
  const { config } = parts;
  const now = () => performance.now();
  const inflight: InflightBudget = { bytes: 0, bytesMax: config.inflightBytes };
  const limiter = (perSecond: number, burstS = BURST_S) =>
    new RateLimiter({ perSecond, burst: Math.max(1, perSecond * burstS), now });
  return {
    ...parts,
    now,
    inflight,
    turns: new Turns({ nodeBudget: inflight, bytesMax: config.inflightBytesPerSocket, now }),
    reads: new Semaphore(READS_AT_ONCE),
    receipts: new Gathering(now),
    flaps: new Flaps({ free: config.takeoversMax, now }),
    stumbles: new Stumbles(),
    rates: {
      envelopes: limiter(config.envelopesPerSecond),
      bytes: limiter(config.bytesPerSecond),
      floods: limiter(config.noisePerSecond, NOISE_BURST_S),
      // Pages and look-ups need connections too.
      connections: limiter(2 * config.upgradesPerSecond),
      upgrades: limiter(config.upgradesPerSecond),
      registrations: limiter(config.registrationsPerMinute / 60, 60),
      lookups: limiter(config.lookupsPerMinute / 60, 60),
    },
  };
}
