import { FAULT_NAMES } from '../checker/checker.ts';
import type { Result } from './results.ts';

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

/** One line per run, for the terminal. */
export function table(results: readonly Result[]): string {
  const rows = [HEADINGS, ...results.map(rowOf)];
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

/** In two words. */
export function verdictOf({ passed, notRun, verdict, attempt }: Result): string {
  if (notRun !== null) return 'not run';
  if (passed) return attempt === 1 ? 'pass' : 'pass at 2nd try';
  return verdict === 'pass' ? 'RULE BROKEN' : verdict.toUpperCase();
}

function rowOf(result: Result): string[] {
  const { scenario, seed, counts, gap, peakBytes, durationMs } = result;
  const named = [scenario, String(seed), verdictOf(result)];
  if (counts === null || result.notRun !== null) return [...named, ...HEADINGS.slice(3).map(() => '-')];
  const lost = counts.lostPrefix + counts.lostMiddle + counts.lostTail;
  const others = FAULT_NAMES.filter((name) => !name.startsWith('lost') && counts[name] > 0);
  return [
    ...named,
    String(counts.sent),
    String(counts.accepted),
    String(counts.unknown),
    String(counts.recovered),
    String(lost),
    String(counts.excused),
    others.map((name) => `${name} ${counts[name]}`).join(', ') || '0',
    String(counts.repeat),
    seconds(gap?.medianMs),
    seconds(gap?.worstMs),
    `${Math.round(peakBytes / (1024 * 1024))} MB`,
    `${Math.round(durationMs / 1000)} s`,
  ];
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s`;
}

/** What went wrong, in words; empty if nothing did. */
export function complaints(result: Result): string[] {
  if (result.passed) return [];
  if (result.notRun !== null) return [`${result.scenario} was not run: ${result.notRun}`];
  const broken = result.rules.filter(({ passed }) => !passed);
  const lines = [
    ...(result.verdict === 'unknown'
      ? [`only ${result.counts?.accepted ?? 0} accepted: too few to prove anything`]
      : []),
    ...broken.map(({ text, measured }) => `${text}: ${measured}`),
    ...result.examples,
  ];
  return lines.map((line) => `${result.scenario} (seed ${result.seed}): ${line}`);
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: number;
}

export function countsOf(results: readonly Result[]): Counts {
  const notRun = results.filter((result) => result.notRun !== null).length;
  const passed = results.filter((result) => result.passed).length;
  return { passed, failed: results.length - passed - notRun, notRun };
}
