/**
 * Average for an hour (`TIME=8`: for eight): does anything grow? Watch resident memory and mailboxes on the dashboard.
 * Sessions arrive at a constant rate, whether the earlier ones are over or not.
 */
import type { Options } from 'k6/options';
import { duration, P99_MS, PAIRS, PER_PAIR, TIME } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const SOAK_S = 3_600;
const SESSION_S = 60;

const { tagsAt } = stagesOf([
  { name: 'first tenth', seconds: SOAK_S / 10, target: PAIRS },
  { name: 'middle', seconds: (SOAK_S * 8) / 10, target: PAIRS },
  { name: 'last tenth', seconds: SOAK_S / 10, target: PAIRS },
]);

/** Half as many again as are busy at a time: one that settles slowly is not waited for. */
const VUS = Math.ceil(PAIRS * 1.5);
export const needs = { pairs: VUS, envelopes: envelopesFor(PER_PAIR, SOAK_S, SESSION_S) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    soak: {
      executor: 'constant-arrival-rate',
      rate: PAIRS,
      timeUnit: duration(SESSION_S),
      duration: duration(SOAK_S),
      preAllocatedVUs: VUS,
      gracefulStop: duration(SESSION_S + 60 / TIME),
    },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate==0'],
    dropped_iterations: ['count==0'],
    'envelope_latency{stage:first tenth}': [`p(99)<${P99_MS}`],
    'envelope_latency{stage:last tenth}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  session(pairs, { seconds: SESSION_S, tagsAt });
}
