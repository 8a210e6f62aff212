import { durationMs } from './durations.ts';
import type { MetricType, Registry, Sink, Tags } from './metrics.ts';

/** Pass or fail: https://grafana.com/docs/k6/latest/using-k6/thresholds/. */
export interface Threshold {
  /** As it stands in the options, `envelope_latency{stage:after}`. */
  readonly metric: string;
  /** `p(99)<250` */
  readonly expression: string;
  readonly aggregation: string;
  readonly abortOnFail: boolean;
  readonly delayAbortEvalMs: number;
  /** Whether it holds now. A metric without a sample breaks no threshold. */
  check(seconds: number): { readonly ok: boolean; readonly value: number };
}

export type ThresholdOptions = Readonly<
  Record<
    string,
    readonly (
      | string
      | { readonly threshold: string; readonly abortOnFail?: boolean; readonly delayAbortEval?: string }
    )[]
  >
>;

const EXPRESSION =
  /^\s*(count|rate|value|avg|min|max|med|p\(\s*\d+(?:\.\d+)?\s*\))\s*(<=|>=|<|>|===|==|!=)\s*(-?\d+(?:\.\d+)?)\s*$/;

/** A summary may ask a trend for `count`, too. */
const AGGREGATIONS: Readonly<Record<MetricType, RegExp>> = {
  counter: /^(count|rate)$/,
  gauge: /^value$/,
  rate: /^rate$/,
  trend: /^(avg|min|max|med|p\(.*\))$/,
};

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '===': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

/** @throws Error about the first that cannot be: no such metric, no such aggregation of it, no expression at all */
export function parseThresholds(options: ThresholdOptions, registry: Registry): readonly Threshold[] {
  return Object.entries(options).flatMap(([metric, list]) =>
    list.map((one) => {
      const long = typeof one === 'string' ? { threshold: one } : one;
      const { type, sink } = find(metric, registry);
      const [, aggregation = '', operator = '', bound = ''] = EXPRESSION.exec(long.threshold) ?? [];
      const compare = COMPARE[operator];
      const asked = aggregation.replaceAll(' ', '');
      if (compare === undefined || !AGGREGATIONS[type].test(asked) || sink.value(asked, 1) === null)
        throw new Error(`threshold "${long.threshold}" of ${metric}: no expression that this metric has`);
      return {
        metric,
        expression: long.threshold,
        aggregation: asked,
        abortOnFail: long.abortOnFail ?? false,
        delayAbortEvalMs: durationMs(long.delayAbortEval ?? '0s'),
        check: (seconds: number) => {
          const value = sink.value(asked, seconds) ?? 0;
          return { ok: sink.samples === 0 || compare(value, Number(bound)), value };
        },
      };
    }),
  );
}

/** `name`, or `name{tag:value,tag:value}` for the samples with these tags only. */
function find(metric: string, registry: Registry): { readonly type: MetricType; readonly sink: Sink } {
  const [, name = '', inside] = /^([^{]+)(?:\{(.*)\})?$/.exec(metric) ?? [];
  const found = registry.get(name);
  if (found === undefined) throw new Error(`there is a threshold for ${metric}, and no such metric`);
  if (inside === undefined) return found;
  const tags: Tags = Object.fromEntries(
    inside.split(',').map((pair) => {
      const colon = pair.indexOf(':');
      return [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
    }),
  );
  return { type: found.type, sink: found.submetric(tags) };
}
