import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './bench.ts';
import { FAULT_NAMES } from './checker.ts';
import { plot } from './plot.ts';

const HEADINGS = [
  'scenario',
  'seed',
  'result',
  'sent',
  'accepted',
  'unknown',
  'recovered',
  'lost',
  'excused',
  'other faults',
  'repeats',
  'gap median',
  'gap worst',
  'memory',
  'time',
] as const;

/** One line per run, as docs/reliability.md has it. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = [HEADINGS, ...outcomes.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rowOf(outcome: Outcome): string[] {
  const { counts, result } = outcome.verdict;
  const lost = counts.lostPrefix + counts.lostMiddle + counts.lostTail;
  const others = FAULT_NAMES.filter((name) => !name.startsWith('lost') && counts[name] > 0);
  return [
    outcome.scenario,
    String(outcome.seed),
    outcome.passed ? 'pass' : result === 'pass' ? 'RULE BROKEN' : result.toUpperCase(),
    String(counts.sent),
    String(counts.accepted),
    String(counts.unknown),
    String(counts.recovered),
    String(lost),
    String(counts.excused),
    others.map((name) => `${name} ${counts[name]}`).join(', ') || '0',
    String(counts.repeat),
    seconds(outcome.gapsMs[Math.floor(outcome.gapsMs.length / 2)]),
    seconds(outcome.gapsMs.at(-1)),
    `${Math.round(outcome.peakBytes / (1024 * 1024))} MB`,
    `${Math.round(outcome.durationMs / 1000)} s`,
  ];
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s`;
}

/** What went wrong, in words; empty if nothing did. */
export function complaints(outcome: Outcome): string[] {
  const broken = outcome.rules.filter(({ passed }) => !passed);
  const lines = [
    ...(outcome.verdict.result === 'unknown'
      ? [`only ${outcome.verdict.counts.accepted} accepted: too few to prove anything`]
      : []),
    ...broken.map(({ text, measured }) => `${text}: ${measured}`),
    ...outcome.verdict.examples,
  ];
  return lines.map((line) => `${outcome.scenario} (seed ${outcome.seed}): ${line}`);
}

/** Writes the plot and the figures of one run. @returns the path of the plot */
export function save(folder: string, outcome: Outcome): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${outcome.scenario}-${outcome.seed}.html`);
  writeFileSync(path, plot(outcome));
  const { timeline: _, ...figures } = outcome;
  const json = {
    ...figures,
    gapsMs: undefined,
    gap: { medianMs: outcome.gapsMs[Math.floor(outcome.gapsMs.length / 2)], worstMs: outcome.gapsMs.at(-1) },
    verdict: { ...outcome.verdict, missing: undefined },
    errors: Object.fromEntries(outcome.errors),
    closes: Object.fromEntries(outcome.closes),
  };
  writeFileSync(path.replace(/html$/, 'json'), `${JSON.stringify(json, null, 2)}\n`);
  return path;
}
