/** Every connection is cut at once and comes back at once: how long until all are in, and is anything lost? */
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { duration, P99_MS, PAIRS, PER_PAIR, TIME } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const BACK_WITHIN_MS = 15_000;
const POLL_MS = 20;

const { seconds, tagsAt } = stagesOf([
  { name: 'before', seconds: 10, target: PAIRS },
  { name: 'storm', seconds: 20, target: PAIRS },
  { name: 'after', seconds: 10, target: PAIRS },
]);
const STORM_AT_MS = 10 * TIME * 1_000;

/** From the cut until a pair is logged in again and has what was on its way. */
const back = new Trend('back_after', true);

export const needs = { pairs: PAIRS, envelopes: envelopesFor(PER_PAIR, seconds) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    storm: {
      executor: 'shared-iterations',
      vus: PAIRS,
      iterations: PAIRS,
      maxDuration: duration(seconds + 60 / TIME),
    },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate==0'],
    back_after: [`max<${BACK_WITHIN_MS}`, 'max>0'],
    'envelope_latency{stage:before}': [`p(99)<${P99_MS}`],
    'envelope_latency{stage:after}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  const pair = session(pairs, { seconds, tagsAt });
  setTimeout(
    () => {
      const cutMs = Date.now();
      pair.cut();
      const poll = () => {
        // What was due before the cut must be there; what is due since then is the ordinary load.
        if (pair.ready() && pair.oldestUnderwayMs() > cutMs) back.add(Date.now() - cutMs);
        else setTimeout(poll, POLL_MS);
      };
      // The sockets are still open now.
      setTimeout(poll, POLL_MS);
    },
    exec.scenario.startTime + STORM_AT_MS - Date.now(),
  );
}
