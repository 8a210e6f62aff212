/** Ten times the users within two seconds: what is refused, and how soon is it over? */
import type { Options } from 'k6/options';
import { P99_MS, PAIRS, PER_PAIR } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const SESSION_S = 5;

const { stages, seconds, tagsAt } = stagesOf([
  { name: 'before', seconds: 15, target: PAIRS },
  { name: 'rising', seconds: 2, target: 10 * PAIRS },
  { name: 'ten times', seconds: 15, target: 10 * PAIRS },
  { name: 'falling', seconds: 2, target: PAIRS },
  // What the spike has left behind arrives here; behind it all must be as before.
  { name: 'settling', seconds: 10 + SESSION_S, target: PAIRS },
  { name: 'after', seconds: 15, target: PAIRS },
]);

export const needs = { pairs: 10 * PAIRS, envelopes: envelopesFor(PER_PAIR, seconds, SESSION_S) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    spike: {
      executor: 'ramping-vus',
      startVUs: PAIRS,
      stages,
      gracefulRampDown: '60s',
      gracefulStop: '60s',
    },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate<=0.5'],
    'envelope_latency{stage:before}': [`p(99)<${P99_MS}`],
    'envelope_latency{stage:after}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  session(pairs, { seconds: SESSION_S, tagsAt });
}
