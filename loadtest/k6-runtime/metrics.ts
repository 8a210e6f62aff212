/** The metrics of a run, as k6 defines them: https://grafana.com/docs/k6/latest/using-k6/metrics/. */

export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';
export type Contains = 'default' | 'time' | 'data';
export type Tags = Readonly<Record<string, string>>;

/** What one metric has collected; `values` are what thresholds and summaries may ask for. */
export interface Sink {
  readonly samples: number;
  add(value: number): void;
  value(aggregation: string, seconds: number): number | null;
}

class CounterSink implements Sink {
  samples = 0;
  #count = 0;

  add(value: number): void {
    this.samples += 1;
    this.#count += value;
  }

  value(aggregation: string, seconds: number): number | null {
    if (aggregation === 'count') return this.#count;
    return aggregation === 'rate' ? this.#count / Math.max(seconds, 0.001) : null;
  }
}

class GaugeSink implements Sink {
  samples = 0;
  #value = 0;
  #min = 0;
  #max = 0;

  add(value: number): void {
    this.#min = this.samples === 0 ? value : Math.min(this.#min, value);
    this.#max = this.samples === 0 ? value : Math.max(this.#max, value);
    this.#value = value;
    this.samples += 1;
  }

  value(aggregation: string): number | null {
    return { value: this.#value, min: this.#min, max: this.#max }[aggregation] ?? null;
  }
}

/** The share of samples that are not zero. */
class RateSink implements Sink {
  samples = 0;
  #passes = 0;

  add(value: number): void {
    this.samples += 1;
    if (value !== 0) this.#passes += 1;
  }

  value(aggregation: string): number | null {
    const rate = this.samples === 0 ? 0 : this.#passes / this.samples;
    return { rate, passes: this.#passes, fails: this.samples - this.#passes }[aggregation] ?? null;
  }
}

const PERCENTILE = /^p\((\d+(?:\.\d+)?)\)$/;

/** Keeps every sample: percentiles are exact, interpolated between the two nearest ranks. */
class TrendSink implements Sink {
  readonly #values: number[] = [];
  #sorted: Float64Array | null = null;
  #sum = 0;

  get samples(): number {
    return this.#values.length;
  }

  add(value: number): void {
    this.#values.push(value);
    this.#sum += value;
    this.#sorted = null;
  }

  value(aggregation: string): number | null {
    if (aggregation === 'count') return this.samples;
    if (aggregation === 'avg') return this.samples === 0 ? 0 : this.#sum / this.samples;
    const shares: Readonly<Record<string, number>> = { min: 0, med: 0.5, max: 1 };
    const percent = PERCENTILE.exec(aggregation)?.[1];
    const share = percent === undefined ? shares[aggregation] : Number(percent) / 100;
    return share === undefined || share > 1 ? null : this.#at(share);
  }

  #at(share: number): number {
    this.#sorted ??= Float64Array.from(this.#values).sort();
    const place = share * Math.max(0, this.samples - 1);
    const below = this.#sorted[Math.floor(place)] ?? 0;
    const above = this.#sorted[Math.ceil(place)] ?? 0;
    return below + (above - below) * (place - Math.floor(place));
  }
}

const SINKS = { counter: CounterSink, gauge: GaugeSink, rate: RateSink, trend: TrendSink };

export class Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly contains: Contains;
  readonly sink: Sink;
  /** By the tags that a threshold asks for. */
  readonly submetrics: { readonly name: string; readonly tags: Tags; readonly sink: Sink }[] = [];

  constructor(name: string, type: MetricType, contains: Contains) {
    this.name = name;
    this.type = type;
    this.contains = contains;
    this.sink = new SINKS[type]();
  }

  add(value: number, tags: Tags): void {
    this.sink.add(value);
    for (const { tags: wanted, sink } of this.submetrics) {
      if (Object.entries(wanted).every(([name, one]) => tags[name] === one)) sink.add(value);
    }
  }

  /** The submetric of `{tag:value,…}`, from now on. */
  submetric(tags: Tags): Sink {
    const inside = Object.entries(tags).map(([name, value]) => `${name}:${value}`);
    const name = `${this.name}{${inside.join(',')}}`;
    const known = this.submetrics.find((one) => one.name === name);
    if (known !== undefined) return known.sink;
    const sink = new SINKS[this.type]();
    this.submetrics.push({ name, tags, sink });
    return sink;
  }
}

const BUILT_IN: readonly (readonly [string, MetricType, Contains])[] = [
  ['checks', 'rate', 'default'],
  ['data_received', 'counter', 'data'],
  ['data_sent', 'counter', 'data'],
  ['dropped_iterations', 'counter', 'default'],
  ['http_req_duration', 'trend', 'time'],
  ['http_req_failed', 'rate', 'default'],
  ['http_reqs', 'counter', 'default'],
  ['iteration_duration', 'trend', 'time'],
  ['iterations', 'counter', 'default'],
  ['vus', 'gauge', 'default'],
  ['vus_max', 'gauge', 'default'],
  ['ws_connecting', 'trend', 'time'],
  ['ws_msgs_received', 'counter', 'default'],
  ['ws_msgs_sent', 'counter', 'default'],
  ['ws_session_duration', 'trend', 'time'],
  ['ws_sessions', 'counter', 'default'],
];

/** All metrics of a run by name. */
export class Registry {
  readonly #metrics = new Map(
    BUILT_IN.map(([name, type, contains]) => [name, new Metric(name, type, contains)]),
  );

  /** Each VU runs the init code, so each declares the metrics of its script: the same one for all. */
  declare(name: string, type: MetricType, contains: Contains): Metric {
    const known = this.#metrics.get(name);
    if (known === undefined) {
      if (!/^[a-zA-Z_][a-zA-Z0-9_]{1,128}$/.test(name)) throw new Error(`"${name}" is no name of a metric`);
      const metric = new Metric(name, type, contains);
      this.#metrics.set(name, metric);
      return metric;
    }
    if (known.type !== type || known.contains !== contains)
      throw new Error(`metric ${name} is a ${known.type} of ${known.contains} values already`);
    return known;
  }

  get(name: string): Metric | undefined {
    return this.#metrics.get(name);
  }

  add(name: string, value: number, tags: Tags = {}): void {
    this.#metrics.get(name)?.add(value, tags);
  }

  all(): readonly Metric[] {
    return [...this.#metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
