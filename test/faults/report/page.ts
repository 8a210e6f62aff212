import type { Sample } from '../harness/timeline.ts';
import type { Outcome } from '../harness/trial.ts';

const WIDTH = 1_100;
const LEFT = 70;
const STRIP = 120;
const GAP = 34;
const MARKS_HEIGHT = 130;

interface Strip {
  readonly title: string;
  readonly color: string;
  readonly value: (sample: Sample, before: Sample | undefined) => number;
}

const perSecond = (read: (sample: Sample) => number) => (sample: Sample, before: Sample | undefined) => {
  if (before === undefined) return 0;
  return ((read(sample) - read(before)) * 1000) / Math.max(1, sample.atMs - before.atMs);
};

const STRIPS: readonly Strip[] = [
  { title: 'accepted, per second', color: '#3b6fb6', value: perSecond(({ accepted }) => accepted) },
  { title: 'first arrivals, per second', color: '#2e8b57', value: perSecond(({ received }) => received) },
  { title: 'backlog: accepted, not yet received', color: '#c0392b', value: ({ missing }) => missing },
  { title: 'clients connected', color: '#777777', value: ({ connected }) => connected },
  { title: 'memory of all nodes, MB', color: '#8e5ea2', value: ({ memoryBytes }) => memoryBytes / 2 ** 20 },
];

/** A page that stands alone: what was injected when, and what it did to delivery. */
export function plot(outcome: Outcome): string {
  const { samples, marks } = outcome.timeline;
  const endMs = Math.max(1, samples.at(-1)?.atMs ?? 1, ...marks.map(({ atMs }) => atMs));
  const x = (atMs: number) => LEFT + (atMs / endMs) * (WIDTH - LEFT - 20);
  const height = MARKS_HEIGHT + STRIPS.length * (STRIP + GAP) + 20;
  const strips = STRIPS.map((strip, index) => {
    const top = MARKS_HEIGHT + index * (STRIP + GAP);
    const values = samples.map((sample, at) => strip.value(sample, samples[at - 1]));
    const max = Math.max(1, ...values);
    const points = samples.map(({ atMs }, at) => {
      const y = top + STRIP - ((values[at] ?? 0) / max) * STRIP;
      return `${x(atMs).toFixed(1)},${y.toFixed(1)}`;
    });
    return `<text x="${LEFT}" y="${top - 6}">${strip.title}</text>
<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${Math.round(max)}</text>
<text x="${LEFT - 6}" y="${top + STRIP}" text-anchor="end">0</text>
<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - 20}" height="${STRIP}" fill="none" stroke="#dddddd"/>
<polyline points="${points.join(' ')}" fill="none" stroke="${strip.color}" stroke-width="1.5"/>`;
  });
  const lines = marks.map(({ atMs, what }, index) => {
    const at = x(atMs).toFixed(1);
    const y = 12 + (index % 9) * 13;
    return `<line x1="${at}" x2="${at}" y1="${y}" y2="${height - 20}" stroke="#e0a030" stroke-width="0.7"/>
<text x="${at}" y="${y}" font-size="10">${html(what)}</text>`;
  });
  const seconds = `<text x="${WIDTH - 20}" y="${height - 4}" text-anchor="end">${(endMs / 1000).toFixed(1)} s</text>`;
  return `<!doctype html>
<meta charset="utf-8">
<title>${html(outcome.scenario)}, seed ${outcome.seed}</title>
<style>body { font: 14px system-ui, sans-serif; margin: 2em } svg { font: 11px system-ui, sans-serif }
td, th { padding: 2px 12px 2px 0; text-align: left; vertical-align: top } .broken { color: #c0392b }</style>
<h1>${html(outcome.scenario)}: ${outcome.passed ? 'pass' : 'FAIL'}</h1>
<p>${html(outcome.what)}. Seed ${outcome.seed}.</p>
<svg width="${WIDTH}" height="${height}" role="img" aria-label="timeline">
${[...strips, ...lines, seconds].join('\n')}
</svg>
<h2>Rules</h2>
<table>${outcome.rules.map(ruleRow).join('\n')}</table>
<h2>Verdict</h2>
<table>${Object.entries(outcome.verdict.counts)
    .map(([name, count]) => `<tr><td>${name}</td><td>${count}</td></tr>`)
    .join('\n')}</table>
<pre>${html(outcome.verdict.examples.join('\n'))}</pre>
`;
}

function ruleRow(rule: Outcome['rules'][number]): string {
  const verdict = rule.passed ? 'holds' : 'broken';
  return `<tr class="${verdict}"><td>${verdict}</td><td>${html(rule.text)}</td><td>${html(rule.measured)}</td></tr>`;
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
