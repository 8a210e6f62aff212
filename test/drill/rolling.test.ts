import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Curve, type Strip, timeline } from '../support/plots/timeline.ts';
import { roll } from './roll.ts';
import { Stage } from './stage.ts';

const PEOPLE = 120;
const PER_SECOND = 500;
const DRAIN_MS = 5_000;
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

test('a rolling restart of all nodes under load: nothing lost, no connection refused', async () => {
  const rolled = await roll(stage, { people: PEOPLE, perSecond: PER_SECOND });
  writeFileSync(IMAGE, await draw(rolled.seconds));
  console.log(JSON.stringify(rolled.report, null, 2));
  expect(rolled.verdict.examples).toEqual([]);
  expect(rolled.verdict.result).toBe('pass');
  expect(rolled.refusedByHaproxy).toBe(0);
  expect(stage.journal.errors).toEqual(new Map());
});

async function draw(seconds: number): Promise<string> {
  const curves = async (
    expr: string,
    name: (labels: Readonly<Record<string, string>>) => string,
  ): Promise<readonly Curve[]> =>
    (await stage.range(expr, { seconds, stepS: 1 }))
      .map(({ labels, points }) => ({ name: name(labels), points }))
      .toSorted((a, b) => a.name.localeCompare(b.name));
  const one = async (expr: string, name: string) => curves(expr, () => name);
  const ports = new Map(stage.nodes.map(({ id, adminPort }) => [`127.0.0.1:${adminPort}`, id]));
  const rate = (metric: string) => `sum(rate(${metric}[4s]))`;
  const p = (q: number) =>
    `1000 * histogram_quantile(${q}, sum by (le) (rate(keyrelay_push_delay_seconds_bucket[4s])))`;
  const strips: Strip[] = [
    {
      title: 'Connected, by node',
      unit: 'users',
      curves: await curves(
        'keyrelay_sockets{state="connected"}',
        ({ instance = '' }) => ports.get(instance) ?? instance,
      ),
    },
    {
      title: 'Way of the envelopes',
      unit: 'per second',
      curves: [
        ...(await one(rate('keyrelay_envelopes_received_total{outcome="stored"}'), 'stored')),
        ...(await one(rate('keyrelay_envelopes_pushed_total'), 'pushed')),
        ...(await one(rate('keyrelay_envelopes_confirmed_total'), 'confirmed')),
      ],
    },
    {
      title: 'Time to the push, to connected users',
      unit: 'ms',
      curves: [...(await one(p(0.5), 'p50')), ...(await one(p(0.99), 'p99'))],
    },
    {
      title: 'Logins and mail that had waited',
      unit: 'per second',
      curves: [
        ...(await one(rate('keyrelay_logins_total{outcome="accepted"}'), 'logins')),
        ...(await one(rate('keyrelay_envelopes_waited_total'), 'envelopes that had waited')),
      ],
    },
  ];
  const title = `Three nodes restarted one after the other: ${PEOPLE} people, ${PER_SECOND} envelopes/s`;
  return timeline({ title, seconds, strips });
}
