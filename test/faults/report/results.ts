import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Counts, Verdict } from '../checker/checker.ts';
import type { Outcome, Rule } from '../harness/trial.ts';
import { page, timelineOf } from './page.ts';

/** What is kept of one run: plain figures, as they stand in a file. */
export interface Result {
  readonly scenario: string;
  readonly row: number;
  readonly what: string;
  readonly seed: number;
  readonly short: boolean;
  readonly passed: boolean;
  /** Why it could not be run here; null if it was. Neither passed nor failed then. */
  readonly notRun: string | null;
  /** 2 if only bounds of time were missed at first, and it was run once more. */
  readonly attempt: number;
  readonly durationMs: number;
  readonly verdict: Verdict['result'];
  readonly counts: Counts | null;
  readonly examples: readonly string[];
  readonly rules: readonly Rule[];
  readonly peakBytes: number;
  /** How long accepted envelopes waited, at most: over recipients. */
  readonly gap: { readonly medianMs: number; readonly worstMs: number } | null;
  /** Errors and closes that clients received, by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly closes: Readonly<Record<string, number>>;
}

export function resultOf(outcome: Outcome): Result {
  const { gapsMs, timeline: _, errors, closes, verdict, ...rest } = outcome;
  const medianMs = gapsMs[Math.floor(gapsMs.length / 2)];
  const worstMs = gapsMs.at(-1);
  return {
    ...rest,
    attempt: 1,
    verdict: verdict.result,
    counts: verdict.counts,
    examples: verdict.examples,
    gap: medianMs === undefined || worstMs === undefined ? null : { medianMs, worstMs },
    errors: Object.fromEntries(errors),
    closes: Object.fromEntries(closes),
  };
}

/** For a run that left no outcome. */
export function noResult(
  run: Pick<Result, 'scenario' | 'row' | 'what' | 'seed' | 'short' | 'durationMs'>,
  why: string,
): Result {
  return {
    ...run,
    passed: false,
    notRun: null,
    attempt: 1,
    verdict: 'unknown',
    counts: null,
    examples: [],
    rules: [{ text: 'the scenario runs to its end', passed: false, measured: why, time: false }],
    peakBytes: 0,
    gap: null,
    errors: {},
    closes: {},
  };
}

/** Nothing was lost or out of order, everything was there in the end: it only took longer than it may. */
export function missedOnlyTime({ passed, verdict, rules }: Result): boolean {
  return !passed && verdict === 'pass' && rules.every((rule) => rule.passed || rule.time);
}

export function resultFile(folder: string, { scenario, seed }: Pick<Result, 'scenario' | 'seed'>): string {
  return join(folder, `${scenario}-${seed}.json`);
}

/** Writes the figures, the page and the picture of one run. @returns the path of the page */
export function save(folder: string, outcome: Outcome): string {
  mkdirSync(folder, { recursive: true });
  const path = resultFile(folder, outcome);
  write(path, resultOf(outcome));
  writeFileSync(path.replace(/json$/, 'svg'), timelineOf(outcome));
  const html = path.replace(/json$/, 'html');
  writeFileSync(html, page(outcome));
  return html;
}

export function write(path: string, result: Result): void {
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
}

export function read(path: string): Result {
  return JSON.parse(readFileSync(path, 'utf8')) as Result;
}
