/** What a row of the dashboard is made of. */

type Unit = 'short' | 'ops' | 's' | 'bytes' | 'Bps' | 'percentunit';

interface Query {
  readonly expr: string;
  /** Grafana's `{{label}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** One number, the latest, instead of a graph. */
  readonly stat?: true;
  /** Of a stat: from here on it is red. */
  readonly badFrom?: number;
  /** Of a stat: below this it is red. */
  readonly badBelow?: number;
  readonly stacked?: true;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** PromQL. */
export const rate = (metric: string) => `rate(${metric}[$__rate_interval])`;
export const quantile = (q: number, histogram: string, by = 'le') =>
  `histogram_quantile(${q}, sum by (${by}) (${rate(`${histogram}_bucket`)}))`;
