/** Does everything work at all? After every deployment. */
import { check } from 'k6';
import http from 'k6/http';
import type { Options } from 'k6/options';
import { duration, P99_MS, RELAY_URLS } from './lib/env.ts';
import type { SignedPair } from './lib/frames.ts';
import { PROMISES, TREND_STATS } from './lib/metrics.ts';
import { envelopesFor, signedPairs } from './lib/pairs.ts';
import { session } from './lib/session.ts';

const PAIRS = 5;
const SECONDS = 10;
const PER_SECOND = 4;

export const needs = { pairs: PAIRS, envelopes: envelopesFor(PER_SECOND, SECONDS) };
const pairs = signedPairs(needs);

export const options: Options = {
  scenarios: {
    smoke: { executor: 'shared-iterations', vus: PAIRS, iterations: PAIRS, maxDuration: duration(60) },
  },
  thresholds: {
    ...PROMISES,
    checks: ['rate==1'],
    envelopes_refused: ['rate==0'],
    envelope_latency: [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: TREND_STATS,
};

export async function setup() {
  const [url = ''] = RELAY_URLS;
  const [first] = pairs as readonly [SignedPair];
  const user = url.replace(/^ws/, 'http').replace(/\/ws$/, `/users/${first.writer.code}`);
  check(await http.asyncRequest('GET', user), {
    'the relay knows the user': ({ status }) => status === 200,
    'by its code': (response) => response.json('code') === first.writer.code,
  });
}

export default function (): void {
  session(pairs, { seconds: SECONDS, perSecond: PER_SECOND });
}
