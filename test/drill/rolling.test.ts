import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../faults/checker.ts';
import { delaysOf, quantile } from '../faults/figures.ts';
import { until } from '../support/until.ts';
import { picture, type Strip } from './picture.ts';
import { Stage } from './stage.ts';

const PEOPLE = 120;
const PER_SECOND = 500;
const DRAIN_MS = 5_000;
const CALM_MS = 8_000;
const IMAGE = new URL('../../docs/images/rolling-restart.svg', import.meta.url);

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    // Scrapes every second, so that the picture shows seconds.
    speed: 10,
    people: PEOPLE,
    settings: { RELAY_DRAIN_MS: `${DRAIN_MS}` },
    extras: {},
  });
});

afterAll(() => stage.close());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A 426 is the answer to the probe of the front door, not a refusal. */
const REFUSED = 'sum(haproxy_frontend_http_responses_total{proxy="clients",code="5xx"})';

test('a rolling restart of all nodes under load: nothing lost, nobody refused', async () => {
  const { crowd, journal, nodes } = stage;
  crowd.write(PER_SECOND);
  const startedMs = performance.now();
  await pause(CALM_MS);
  const restarts: { readonly fromMs: number; readonly drainedMs: number }[] = [];
  for (const node of nodes) {
    const fromMs = performance.now();
    const drainedMs = await node.drain();
    await node.start();
    restarts.push({ fromMs, drainedMs });
    await pause(CALM_MS);
  }
  const seconds = Math.ceil((performance.now() - startedMs) / 1000);
  const caughtUp = await crowd.catchUp(30_000, () => false);
  expect(caughtUp.done).toBe(true);
  const connected = async () => (await stage.query('sum(keyrelay_sockets{state="connected"})'))[0] === PEOPLE;
  await until(connected, { what: 'Prometheus to see everybody connected' });
  writeFileSync(IMAGE, await draw(seconds));

  const verdict = check(journal, { acceptedMin: (PER_SECOND * seconds) / 2 });
  const first = restarts[0]?.fromMs ?? 0;
  const delays = delaysOf(journal);
  const report = {
    seconds,
    ...verdict.counts,
    refusedByHaproxy: (await stage.query(REFUSED))[0],
    errors: Object.fromEntries(journal.errors),
    closes: Object.fromEntries(journal.closes),
    deliverMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), worst: delays.at(-1) },
    drainMs: restarts.map(({ drainedMs }) => Math.round(drainedMs)),
    reconnectsBySecond: bySecond(
      journal.connections.map(({ openedAtMs }) => openedAtMs).filter((atMs) => atMs >= first),
      first,
    ),
  };
  console.log(JSON.stringify(report, null, 2));
  expect(verdict.examples).toEqual([]);
  expect(verdict.result).toBe('pass');
  expect(report.refusedByHaproxy).toBe(0);
  expect(journal.errors).toEqual(new Map());
});

/** How many in each second since `fromMs`. */
function bySecond(timesMs: readonly number[], fromMs: number): number[] {
  const counts: number[] = [];
  for (const atMs of timesMs) {
    const second = Math.floor((atMs - fromMs) / 1000);
    while (counts.length <= second) counts.push(0);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  return counts;
}

async function draw(seconds: number): Promise<string> {
  const curves = async (expr: string, name: (labels: Readonly<Record<string, string>>) => string) =>
    (await stage.range(expr, { seconds, stepS: 1 }))
      .map((curve) => ({ name: name(curve.labels), curve }))
      .toSorted((a, b) => a.name.localeCompare(b.name));
  const one = async (expr: string, name: string) => curves(expr, () => name);
  const ports = new Map(stage.nodes.map(({ name, adminPort }) => [`127.0.0.1:${adminPort}`, name]));
  const rate = (metric: string) => `sum(rate(${metric}[4s]))`;
  const p = (q: number) =>
    `histogram_quantile(${q}, sum by (le) (rate(keyrelay_push_delay_seconds_bucket[4s])))`;
  const strips: Strip[] = [
    {
      title: 'Connected, by node',
      unit: 'users',
      scale: 1,
      curves: await curves(
        'keyrelay_sockets{state="connected"}',
        ({ instance = '' }) => ports.get(instance) ?? instance,
      ),
    },
    {
      title: 'Way of the envelopes',
      unit: 'per second',
      scale: 1,
      curves: [
        ...(await one(rate('keyrelay_envelopes_received_total{outcome="stored"}'), 'stored')),
        ...(await one(rate('keyrelay_envelopes_pushed_total'), 'pushed')),
        ...(await one(rate('keyrelay_envelopes_confirmed_total'), 'confirmed')),
      ],
    },
    {
      title: 'Time to the push, to those who are connected',
      unit: 'ms',
      scale: 1000,
      curves: [...(await one(p(0.5), 'p50')), ...(await one(p(0.99), 'p99'))],
    },
    {
      title: 'Logins and mail that had waited',
      unit: 'per second',
      scale: 1,
      curves: [
        ...(await one(rate('keyrelay_logins_total{outcome="accepted"}'), 'logins')),
        ...(await one(rate('keyrelay_envelopes_waited_total'), 'envelopes that had waited')),
      ],
    },
  ];
  const title = `Three nodes restarted one after the other: ${PEOPLE} people, ${PER_SECOND} envelopes/s`;
  return picture(title, seconds, strips);
}
