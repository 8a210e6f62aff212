import { lines } from '../../test/support/plots/charts.ts';
import type { Second } from './ledger.ts';
import type { Verdict } from './verdict.ts';

const TICKS = 10;

/** One page, no other file needed: what happened second by second, and what held. */
export function page(report: {
  readonly name: string;
  readonly about: string;
  readonly verdicts: readonly Verdict[];
  readonly seconds: readonly Second[];
}): string {
  const { name, about, verdicts, seconds } = report;
  const rows = verdicts
    .map(
      ({ held, threshold, found }) =>
        `<tr><td>${held ? 'held' : '<b>broken</b>'}<td>${threshold}<td>${found}`,
    )
    .join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title>
<style>body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}svg{max-width:100%}td{padding-right:2rem}</style>
<h1>${name}</h1><p>${about}</p><table>${rows}</table>${timeline(seconds).join('')}</html>\n`;
}

function timeline(seconds: readonly Second[]): readonly string[] {
  const every = Math.max(1, Math.ceil(seconds.length / TICKS));
  const ticks = seconds.map(({ second }, at) => (at % every === 0 ? `${second}` : ''));
  const plot = (title: string, yLabel: string, series: Parameters<typeof lines>[0]['series']) =>
    lines({ title, xLabel: 'seconds', yLabel, ticks, series });
  return [
    plot('Envelopes per second', '1/s (log)', [
      { name: 'due', values: seconds.map(({ due }) => due) },
      { name: 'received', values: seconds.map(({ received }) => received) },
    ]),
    plot('Latency, from due to received', 'ms (log)', [
      { name: 'p50', values: seconds.map(({ p50Ms }) => p50Ms) },
      { name: 'p99', values: seconds.map(({ p99Ms }) => p99Ms) },
    ]),
    plot('Underway and connected', 'count (log)', [
      { name: 'underway', values: seconds.map(({ underway }) => underway) },
      { name: 'connected', values: seconds.map(({ connected }) => connected) },
    ]),
  ];
}
