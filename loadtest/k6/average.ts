/** An ordinary day: is the latency what was promised? Before every release. */
import type { Options } from 'k6/options';
import { P99_MS, PAIRS, PER_PAIR } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const SESSION_S = 15;

const { stages, seconds, tagsAt } = stagesOf([
  { name: 'rising', seconds: 20, target: PAIRS },
  { name: 'average', seconds: 90, target: PAIRS },
  { name: 'falling', seconds: 10, target: 0 },
]);

export const needs = { pairs: PAIRS, envelopes: envelopesFor(PER_PAIR, seconds, SESSION_S) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    average: { executor: 'ramping-vus', startVUs: 0, stages, gracefulRampDown: '60s', gracefulStop: '60s' },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate==0'],
    'envelope_latency{stage:average}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  session(pairs, { seconds: SESSION_S, tagsAt });
}
