/**
 * Ever more until it breaks: the rate that this installation carries, the largest value of `offered_per_second`. It
 * ends when the p99 of all envelopes has reached a second, with k6's code for a crossed threshold, 99; with 0 it never
 * broke: raise RATE.
 */
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';
import type { Options } from 'k6/options';
import { duration, PAIRS, PER_PAIR } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';

const BREAK_P99_MS = 1_000;
const RISE_S = 120;
const SESSION_S = 5;
/** As a multiple of an average day. */
const MOST = 20;
const VUS = Math.ceil(MOST * PAIRS * 1.1);

const offered = new Gauge('offered_per_second');

export const needs = { pairs: VUS, envelopes: envelopesFor(PER_PAIR, RISE_S, SESSION_S) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    breakpoint: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: duration(SESSION_S),
      stages: [{ duration: duration(RISE_S), target: MOST * PAIRS }],
      preAllocatedVUs: VUS,
      gracefulStop: '60s',
    },
  },
  thresholds: {
    ...PROMISES,
    envelope_latency: [
      { threshold: `p(99)<${BREAK_P99_MS}`, abortOnFail: true, delayAbortEval: duration(SESSION_S) },
    ],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  offered.add(exec.instance.vusActive * PER_PAIR);
  session(pairs, { seconds: SESSION_S });
}
