import * as prom from 'prom-client';

/**
 * What the relay counts with. The hot path touches plain numbers (an addition costs about a nanosecond, against
 * 110-460 ns for a labelled prom-client call); prom-client sees them only when somebody scrapes.
 */
export class Counter {
  /** Never goes back. */
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

export class Gauge {
  value = 0;

  add(amount: number): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

export class Histogram {
  readonly bounds: readonly number[];
  /** One per bound and one for what is above the last; not cumulative. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    // Linear, because the lower bounds are the common ones and there are few.
    let index = 0;
    while (value > (this.bounds[index] ?? Number.POSITIVE_INFINITY)) index += 1;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += value;
  }
}

/** A label and its possible values; null where another list declares them (error codes, say). */
export type Label = readonly [name: string, values: readonly string[] | null];

export type LabelValues<L extends readonly Label[]> = {
  readonly [I in keyof L]: L[I][1] extends readonly (infer V extends string)[] ? V : string;
};

/** Values that keep changing would fill the memory of this process and of whoever scrapes it. */
const SERIES_MAX = 200;

/**
 * One series for each combination of label values, at most 200: what comes after is counted together as `other`.
 * Hot callers keep what `of` gave them.
 */
export class Family<T, V extends readonly string[] = readonly string[]> {
  readonly #series = new Map<string, { readonly values: readonly string[]; readonly series: T }>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  of(...values: V): T {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\n');
    return this.#series.get(key)?.series ?? this.#make(key, values);
  }

  #make(key: string, values: readonly string[]): T {
    const full = this.#series.size >= SERIES_MAX;
    const others = this.#series.get('other');
    if (full && others !== undefined) return others.series;
    const series = this.#create();
    if (full) this.#series.set('other', { values: values.map(() => 'other'), series });
    else this.#series.set(key, { values, series });
    return series;
  }

  all(): Iterable<{ readonly values: readonly string[]; readonly series: T }> {
    return this.#series.values();
  }
}

interface Exposed<T> {
  readonly registry: prom.Registry;
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly family: Family<T>;
}

function labelsOf(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

export function exposeCounter({ registry, name, help, labelNames, family }: Exposed<Counter>): void {
  new prom.Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { values, series } of family.all()) this.inc(labelsOf(labelNames, values), series.value);
    },
  });
}

export function exposeGauge({ registry, name, help, labelNames, family }: Exposed<Gauge>): void {
  new prom.Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      for (const { values, series } of family.all()) this.set(labelsOf(labelNames, values), series.value);
    },
  });
}

export function exposeHistogram(exposed: Exposed<Histogram> & { readonly bounds: readonly number[] }): void {
  exposed.registry.registerMetric(new CollectedHistogram(exposed));
}

/** prom-client's histogram with the observing done by `Distribution`: it has no way to be handed bucket counts. */
class CollectedHistogram extends prom.Histogram {
  readonly #exposed: Exposed<Histogram>;
  /** Tells name, help and type in prom-client's own terms. */
  readonly #description: prom.Histogram;

  constructor(exposed: Exposed<Histogram> & { readonly bounds: readonly number[] }) {
    const description = {
      name: exposed.name,
      help: exposed.help,
      buckets: [...exposed.bounds],
      registers: [],
    };
    super(description);
    this.#exposed = exposed;
    this.#description = new prom.Histogram(description);
  }

  override async get(): Promise<prom.MetricObjectWithValues<prom.MetricValueWithName<string>>> {
    const { name, labelNames, family } = this.#exposed;
    const values: prom.MetricValueWithName<string>[] = [];
    for (const { values: labelValues, series } of family.all()) {
      const labels = labelsOf(labelNames, labelValues);
      let cumulative = 0;
      series.counts.forEach((count, index) => {
        cumulative += count;
        const le = series.bounds[index] ?? '+Inf';
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: cumulative });
      });
      values.push({ metricName: `${name}_sum`, labels, value: series.sum });
      values.push({ metricName: `${name}_count`, labels, value: cumulative });
    }
    return { ...(await this.#description.get()), values };
  }

  /** What prom-client's registry asks for instead of `get` where it exists. */
  getForPromString(): Promise<prom.MetricObjectWithValues<prom.MetricValueWithName<string>>> {
    return this.get();
  }
}
