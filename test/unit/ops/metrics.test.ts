import { describe, expect, test } from 'vitest';
import { METRICS } from '../../../src/ops/metrics/metric-table.ts';
import { createMetrics } from '../../../src/ops/metrics/metrics.ts';

async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const { text } = await metrics.exposition();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('a scrape', () => {
  test('shows the counts, at every scrape', async () => {
    const metrics = createMetrics();
    metrics.envelopesPushed.add(2);
    metrics.envelopesReceived.of('stored').add();
    metrics.logins.of('accepted', '2').add(3);
    metrics.sockets.of('pending').add(5);
    metrics.sockets.of('pending').add(-2);
    metrics.drainRemaining.set(7);
    for (const samples of [await scrape(metrics), await scrape(metrics)]) {
      expect(samples.get('keyrelay_envelopes_pushed_total')).toBe(2);
      expect(samples.get('keyrelay_envelopes_received_total{outcome="stored"}')).toBe(1);
      expect(samples.get('keyrelay_logins_total{outcome="accepted",protocol="2"}')).toBe(3);
      expect(samples.get('keyrelay_sockets{state="pending"}')).toBe(3);
      expect(samples.get('keyrelay_drain_remaining_sockets')).toBe(7);
    }
  });

  test('does not list open files, which would take longer with every connection', async () => {
    const samples = await scrape(createMetrics());
    expect(samples.has('process_max_fds')).toBe(true);
    expect(samples.has('process_open_fds')).toBe(false);
  });

  test('shows series with known labels from the start, so that a first increase shows', async () => {
    const samples = await scrape(createMetrics());
    expect(samples.get('keyrelay_mailbox_reads_total{cause="gap"}')).toBe(0);
    expect(samples.get('keyrelay_poison_envelopes_total')).toBe(0);
  });

  test('shows histograms with cumulative buckets, sum and count', async () => {
    const metrics = createMetrics();
    // On the bound counts as below it (`le`), above the last as +Inf.
    for (const seconds of [0.00005, 0.00007, 0.001, 3]) metrics.verifySeconds.observe(seconds);
    metrics.redisSeconds.of('deliver').observe(0.002);
    const samples = await scrape(metrics);
    const name = 'keyrelay_verify_duration_seconds';
    expect(samples.get(`${name}_bucket{le="0.00005"}`)).toBe(1);
    expect(samples.get(`${name}_bucket{le="0.0001"}`)).toBe(2);
    expect(samples.get(`${name}_bucket{le="0.02"}`)).toBe(3);
    expect(samples.get(`${name}_bucket{le="+Inf"}`)).toBe(4);
    expect(samples.get(`${name}_count`)).toBe(4);
    expect(samples.get(`${name}_sum`)).toBeCloseTo(3.00112, 8);
    expect(samples.get('keyrelay_redis_duration_seconds_count{verb="deliver"}')).toBe(1);
  });

  test('shows the event-loop lag of the process', async () => {
    expect([...(await scrape(createMetrics())).keys()]).toContain('nodejs_eventloop_lag_p99_seconds');
  });

  test('escapes label values', async () => {
    const metrics = createMetrics();
    metrics.buildInfo.of('1"\n2', 'n', 'u', 'v').set(1);
    expect([...(await scrape(metrics)).keys()]).toContain(
      'keyrelay_build_info{version="1\\"\\n2",node="n",uws="u",verifier="v"}',
    );
  });
});

test('label values beyond 200 are counted together', async () => {
  const metrics = createMetrics();
  for (let index = 0; index < 1000; index += 1) metrics.envelopesReceived.of(`made up ${index}`).add();
  const series = [...(await scrape(metrics))].filter(([name]) =>
    name.startsWith('keyrelay_envelopes_received'),
  );
  expect(series).toHaveLength(201);
  expect(series.reduce((sum, [, value]) => sum + value, 0)).toBe(1000);
});

// https://prometheus.io/docs/practices/naming/ and `promtool check metrics`
describe('names follow the conventions', () => {
  test.each(Object.values(METRICS).map((declared) => [declared.name, declared] as const))(
    '%s',
    (name, declared) => {
      expect(name).toMatch(/^keyrelay_[a-z][a-z_]*$/);
      expect(declared.help).toMatch(/\.$/);
      expect(name.endsWith('_total')).toBe(declared.type === 'counter');
      if (declared.type === 'histogram') {
        expect(name).toMatch(/_seconds$/);
        expect([...declared.buckets].sort((a, b) => a - b)).toEqual(declared.buckets);
      }
      const labels = 'labels' in declared ? declared.labels.map(([label]) => label as string) : [];
      expect(labels).not.toContain('user');
      expect(labels).not.toContain('code');
    },
  );

  test('those of prom-client too', async () => {
    const { text } = await createMetrics().exposition();
    const gauges = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map((match) => match[1]);
    expect(gauges.filter((name) => name?.endsWith('_total'))).toEqual([]);
  });
});
