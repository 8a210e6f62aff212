import { printDuration } from './durations.ts';
import type { Metric, Registry, Sink } from './metrics.ts';
import type { Threshold } from './thresholds.ts';

const NAME_WIDTH = 35;
const DEFAULT_STATS = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];

export interface Summary {
  readonly metrics: Registry;
  readonly thresholds: readonly Threshold[];
  readonly checks: ReadonlyMap<string, { readonly passes: number; readonly fails: number }>;
  readonly seconds: number;
  readonly trendStats: readonly string[] | undefined;
}

const SECTIONS: readonly (readonly [string, (name: string) => boolean])[] = [
  ['CUSTOM', (name) => !/^(checks$|http_|iteration|vus|dropped_|data_|ws_)/.test(name)],
  ['HTTP', (name) => name.startsWith('http_')],
  ['EXECUTION', (name) => /^(iteration|vus|dropped_)/.test(name)],
  ['NETWORK', (name) => name.startsWith('data_')],
  ['WEBSOCKET', (name) => name.startsWith('ws_')],
];

/** The end-of-test summary in k6's compact form: https://grafana.com/docs/k6/latest/results-output/end-of-test/. */
export function printSummary(summary: Summary): string {
  const { metrics, thresholds, seconds } = summary;
  const lines: string[] = [''];
  if (thresholds.length > 0) lines.push('  █ THRESHOLDS ', '', ...thresholdLines(summary));
  lines.push('', '  █ TOTAL RESULTS ', '');
  if (summary.checks.size > 0) lines.push(...checkLines(summary), '');
  const stats = summary.trendStats ?? DEFAULT_STATS;
  const all = metrics.all();
  for (const [title, belongs] of SECTIONS) {
    const shown = all.filter(({ name, sink }) => belongs(name) && sink.samples > 0);
    if (shown.length === 0) continue;
    const rows = shown.flatMap((metric) => [
      { name: metric.name, cells: cellsOf(metric, metric.sink, { seconds, stats }) },
      ...metric.submetrics
        .filter(({ sink }) => sink.samples > 0)
        .map(({ name, sink }) => ({
          name: `  { ${name.slice(metric.name.length + 1, -1)} }`,
          cells: cellsOf(metric, sink, { seconds, stats }),
        })),
    ]);
    const widths = rows.reduce<number[]>(
      (widest, { cells }) =>
        cells.map((cell, at) => Math.max(cell.length, widest[at] ?? 0)).concat(widest.slice(cells.length)),
      [],
    );
    lines.push(`    ${title}`);
    for (const { name, cells } of rows) {
      const padded = cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' ');
      lines.push(`    ${dotted(name)}: ${padded.trimEnd()}`);
    }
    lines.push('');
  }
  return `${lines.join('\n')}\n`;
}

function thresholdLines({ thresholds, metrics, seconds }: Summary): string[] {
  return [...new Set(thresholds.map(({ metric }) => metric))].flatMap((name) => {
    const metric = metrics.get(name.split('{')[0] ?? '');
    const own = thresholds.filter((threshold) => threshold.metric === name);
    return [
      `    ${name}`,
      ...own.map(({ expression, aggregation, check }) => {
        const { ok, value } = check(seconds);
        return `    ${ok ? '✓' : '✗'} '${expression}' ${aggregation}=${metric === undefined ? value : print(metric, aggregation, value)}`;
      }),
      '',
    ];
  });
}

function checkLines({ checks, seconds }: Summary): string[] {
  const counts = [...checks.values()];
  const passes = counts.reduce((sum, count) => sum + count.passes, 0);
  const total = counts.reduce((sum, count) => sum + count.passes + count.fails, 0);
  const share = (count: number) => `${((count * 100) / total).toFixed(2)}% ${count} out of ${total}`;
  return [
    `    ${dotted('checks_total')}: ${total} ${number(total / seconds)}/s`,
    `    ${dotted('checks_succeeded')}: ${share(passes)}`,
    `    ${dotted('checks_failed')}: ${share(total - passes)}`,
    '',
    ...[...checks].map(([name, count]) =>
      count.fails === 0
        ? `    ✓ ${name}`
        : `    ✗ ${name}\n      ↳  ${Math.floor((count.passes * 100) / (count.passes + count.fails))}% — ✓ ${count.passes} / ✗ ${count.fails}`,
    ),
  ];
}

function cellsOf(
  metric: Metric,
  sink: Sink,
  how: { readonly seconds: number; readonly stats: readonly string[] },
): readonly string[] {
  const at = (aggregation: string) => print(metric, aggregation, sink.value(aggregation, how.seconds) ?? 0);
  switch (metric.type) {
    case 'counter':
      return [at('count'), `${at('rate')}/s`];
    case 'gauge':
      return [at('value'), `min=${at('min')}`, `max=${at('max')}`];
    case 'rate':
      return [at('rate'), `${at('passes')} out of ${sink.samples}`];
    case 'trend':
      return how.stats.map((aggregation) => `${aggregation}=${at(aggregation)}`);
  }
}

function print(metric: Metric, aggregation: string, value: number): string {
  if (metric.type === 'rate' && aggregation === 'rate') return `${(value * 100).toFixed(2)}%`;
  if (metric.contains === 'time' && aggregation !== 'count') return printDuration(value);
  if (metric.contains === 'data') return bytes(value);
  return number(value);
}

function number(value: number): string {
  return `${Number(value.toFixed(6))}`;
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const scaled = value / 1_000 ** power;
  return `${scaled < 10 && power > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${units[power]}`;
}

function dotted(name: string): string {
  return name.padEnd(Math.max(NAME_WIDTH, name.length + 3), '.');
}

/** What `handleSummary(data)` gets: https://grafana.com/docs/k6/latest/results-output/end-of-test/custom-summary/. */
export function summaryData(summary: Summary): object {
  const { metrics, thresholds, checks, seconds } = summary;
  const stats = summary.trendStats ?? DEFAULT_STATS;
  const aggregations = {
    counter: ['count', 'rate'],
    gauge: ['value', 'min', 'max'],
    rate: ['rate', 'passes', 'fails'],
    trend: stats,
  };
  const shown = metrics
    .all()
    .flatMap((metric) => [
      { metric, name: metric.name, sink: metric.sink },
      ...metric.submetrics.map(({ name, sink }) => ({ metric, name, sink })),
    ])
    .filter(({ sink }) => sink.samples > 0);
  return {
    root_group: {
      name: '',
      path: '',
      groups: [],
      checks: [...checks].map(([name, count]) => ({ name, path: `::${name}`, ...count })),
    },
    options: { summaryTrendStats: stats },
    state: { testRunDurationMs: seconds * 1_000 },
    metrics: Object.fromEntries(
      shown.map(({ metric, name, sink }) => {
        const own = thresholds.filter((threshold) => threshold.metric === name);
        const values = aggregations[metric.type].map((aggregation) => [
          aggregation,
          sink.value(aggregation, seconds),
        ]);
        return [
          name,
          {
            type: metric.type,
            contains: metric.contains,
            values: Object.fromEntries(values),
            ...(own.length === 0
              ? {}
              : {
                  thresholds: Object.fromEntries(
                    own.map((one) => [one.expression, { ok: one.check(seconds).ok }]),
                  ),
                }),
          },
        ];
      }),
    ),
  };
}
