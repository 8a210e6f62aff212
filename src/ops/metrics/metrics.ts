import { collectDefaultMetrics, Registry } from 'prom-client';
import { type Declared, METRICS } from './metric-table.ts';
import {
  Counter,
  exposeCounter,
  exposeGauge,
  exposeHistogram,
  Family,
  Gauge,
  Histogram,
  type Label,
  type LabelValues,
} from './metric-types.ts';

type MetricName = keyof typeof METRICS;
type SeriesOf<D extends Declared> = D['type'] extends 'counter'
  ? Counter
  : D['type'] extends 'gauge'
    ? Gauge
    : Histogram;
type Accessor<D extends Declared> = D extends { readonly labels: infer L extends readonly Label[] }
  ? Family<SeriesOf<D>, LabelValues<L>>
  : SeriesOf<D>;

/** One accessor per metric: a `Counter`, `Gauge` or `Histogram`, or with labels a `Family` of them. */
export type Metrics = { readonly [K in MetricName]: Accessor<(typeof METRICS)[K]> } & {
  /** The body of a scrape, and its content type. */
  exposition(): Promise<{ readonly contentType: string; readonly text: string }>;
};

/** Gauges of prom-client whose names break Prometheus' conventions. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * Counted by listing /proc/self/fd: blocks the event loop for 18 ms at 16,000 connections, at each scrape.
 * `keyrelay_sockets` shows nearly the same.
 */
const EXPENSIVE = ['process_open_fds'];

export function createMetrics(): Metrics {
  const registry = new Registry();
  // CPU, memory, garbage collection and event-loop lag of the process.
  collectDefaultMetrics({ register: registry });
  for (const name of [...MISNAMED, ...EXPENSIVE]) registry.removeSingleMetric(name);
  const accessors = Object.entries(METRICS).map(([key, declared]) => [key, register(registry, declared)]);
  return {
    ...(Object.fromEntries(accessors) as { readonly [K in MetricName]: Accessor<(typeof METRICS)[K]> }),
    exposition: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function register(registry: Registry, declared: Declared): unknown {
  const { type, name, help, labels = [], buckets = [] } = declared;
  const exposed = { registry, name, help, labelNames: labels.map(([label]) => label) };
  if (type === 'counter') {
    const family = new Family(() => new Counter());
    exposeCounter({ ...exposed, family });
    return accessor(family, labels);
  }
  if (type === 'gauge') {
    const family = new Family(() => new Gauge());
    exposeGauge({ ...exposed, family });
    return accessor(family, labels);
  }
  const family = new Family(() => new Histogram(buckets));
  exposeHistogram({ ...exposed, family, bounds: buckets });
  return accessor(family, labels);
}

/** Series with known label values start at 0, so that their first increase shows as one. */
function accessor<T>(family: Family<T>, labels: readonly Label[]): T | Family<T> {
  if (labels.length === 0) return family.of();
  let combinations: readonly (readonly string[])[] = [[]];
  for (const [, values] of labels) {
    combinations = combinations.flatMap((some) => (values ?? []).map((value) => [...some, value]));
  }
  for (const combination of combinations) family.of(...combination);
  return family;
}
