/** Recipients are away while others write to them: does everything wait for them, in order? */
import { Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import { duration, P99_MS, PAIRS, PER_PAIR, TIME } from './lib/env.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';
import { stagesOf } from './lib/stages.ts';

const DRAINED_WITHIN_MS = 10_000;
const POLL_MS = 20;

const { seconds, tagsAt } = stagesOf([
  { name: 'away', seconds: 20, target: PAIRS },
  { name: 'back', seconds: 10, target: PAIRS },
  { name: 'after', seconds: 10, target: PAIRS },
]);
const BACK_AT_MS = 20 * TIME * 1_000;

/** From a reader's dialling until everything that waited is there. */
const drained = new Trend('drained_after', true);

export const needs = { pairs: PAIRS, envelopes: envelopesFor(PER_PAIR, seconds) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    offline: {
      executor: 'shared-iterations',
      vus: PAIRS,
      iterations: PAIRS,
      maxDuration: duration(seconds + 60 / TIME),
    },
  },
  thresholds: {
    ...PROMISES,
    envelopes_refused: ['rate==0'],
    drained_after: [`max<${DRAINED_WITHIN_MS}`, 'max>0'],
    'envelope_latency{stage:after}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export default function (): void {
  const pair = session(pairs, { seconds, tagsAt, readerPresent: false });
  setTimeout(() => {
    const dialledMs = Date.now();
    pair.arrive();
    const poll = () => {
      if (pair.oldestUnderwayMs() > dialledMs) drained.add(Date.now() - dialledMs);
      else setTimeout(poll, POLL_MS);
    };
    poll();
  }, BACK_AT_MS);
}
