/** Above the ordinary, in steps: where does latency begin to grow, and does it come back? */
import type { Options } from 'k6/options';
import { P99_MS, PAIRS, PER_PAIR } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const SESSION_S = 5;

const { stages, seconds, tagsAt } = stagesOf([
  { name: 'rising', seconds: 10, target: PAIRS },
  { name: 'average', seconds: 20, target: PAIRS },
  { name: 'to twice', seconds: 10, target: 2 * PAIRS },
  { name: 'twice', seconds: 20, target: 2 * PAIRS },
  { name: 'to three times', seconds: 10, target: 3 * PAIRS },
  { name: 'three times', seconds: 20, target: 3 * PAIRS },
  { name: 'falling', seconds: 5 + SESSION_S, target: PAIRS },
  { name: 'average again', seconds: 20, target: PAIRS },
]);

export const needs = { pairs: 3 * PAIRS, envelopes: envelopesFor(PER_PAIR, seconds, SESSION_S) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    stress: { executor: 'ramping-vus', startVUs: 0, stages, gracefulRampDown: '60s', gracefulStop: '60s' },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate<=0.01'],
    'envelope_latency{stage:average}': [`p(99)<${P99_MS}`],
    'envelope_latency{stage:twice}': [`p(99)<${2 * P99_MS}`],
    'envelope_latency{stage:three times}': [`p(99)<${4 * P99_MS}`],
    'envelope_latency{stage:average again}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  session(pairs, { seconds: SESSION_S, tagsAt });
}
