import { escaped } from '../../support/plots/svg.ts';
import { type Strip, timeline } from '../../support/plots/timeline.ts';
import type { Sample } from '../harness/timeline.ts';
import type { Outcome } from '../harness/trial.ts';

interface Graph {
  readonly title: string;
  readonly unit: string;
  readonly value: (sample: Sample, before: Sample | undefined) => number;
}

const perSecond = (read: (sample: Sample) => number) => (sample: Sample, before: Sample | undefined) => {
  if (before === undefined) return 0;
  return ((read(sample) - read(before)) * 1000) / Math.max(1, sample.atMs - before.atMs);
};

const GRAPHS: readonly Graph[] = [
  { title: 'Accepted', unit: 'per second', value: perSecond(({ accepted }) => accepted) },
  { title: 'First arrivals', unit: 'per second', value: perSecond(({ received }) => received) },
  { title: 'Accepted, not yet received', unit: 'envelopes', value: ({ missing }) => missing },
  { title: 'Clients connected', unit: 'clients', value: ({ connected }) => connected },
  { title: 'Memory of all nodes', unit: 'MB', value: ({ memoryBytes }) => memoryBytes / 2 ** 20 },
];

/** When which fault was injected, and what it did to delivery: a picture that stands alone. */
export function timelineOf({ scenario, seed, timeline: { samples, marks } }: Outcome): string {
  const endMs = Math.max(1, samples.at(-1)?.atMs ?? 1, ...marks.map(({ atMs }) => atMs));
  const strips = GRAPHS.map(({ title, unit, value }): Strip => {
    const points = samples.map((sample, at) => ({
      atS: sample.atMs / 1000,
      value: value(sample, samples[at - 1]),
    }));
    return { title, unit, curves: [{ name: title, points }] };
  });
  return timeline({
    title: `${scenario}, seed ${seed}`,
    seconds: endMs / 1000,
    strips,
    marks: marks.map(({ atMs, what: mark }) => ({ atS: atMs / 1000, what: mark })),
  });
}

/** One page that needs no other file. */
export function page(outcome: Outcome): string {
  const { scenario, what, seed, passed, rules, verdict } = outcome;
  const row = (cells: readonly string[]) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}`).join('')}`;
  return `<!doctype html>
<meta charset="utf-8">
<title>${escaped(scenario)}, seed ${seed}</title>
<style>body { font: 14px system-ui, sans-serif; margin: 2em } svg { max-width: 1000px }
td { padding: 2px 12px 2px 0; vertical-align: top }</style>
<h1>${escaped(scenario)}: ${passed ? 'pass' : 'FAIL'}</h1>
<p>${escaped(what)}. Seed ${seed}.</p>
${timelineOf(outcome)}
<h2>Rules</h2>
<table>${rules.map((rule) => row([rule.passed ? 'holds' : 'BROKEN', rule.text, rule.measured])).join('\n')}</table>
<h2>Verdict</h2>
<table>${Object.entries(verdict.counts)
    .map(([name, count]) => row([name, `${count}`]))
    .join('\n')}</table>
<pre>${escaped(verdict.examples.join('\n'))}</pre>
`;
}
