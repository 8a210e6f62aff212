import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../../../src/cli/dev/child.ts';
import { missedOnlyTime, noResult, type Result, read, resultFile, write } from '../report/results.ts';
import type { Scenario } from './trial.ts';

export interface Run {
  readonly scenario: Scenario;
  readonly seed: number;
}

export interface RunAllOptions {
  /** How many run at once; those that want to be alone come at the end, one by one. */
  readonly lanes: number;
  readonly short: boolean;
  readonly minutes: string | undefined;
  /** Of the relay. */
  readonly main: string;
  /** Where results, plots and logs go. */
  readonly folder: string;
  readonly onResult: (result: Result, log: string) => void;
}

const SHORT_TIMEOUT_MS = 180_000;
const LONG_TIMEOUT_MS = 25 * 60_000;
const STOP_TIMEOUT_MS = 10_000;

/**
 * Runs scenarios, each in a process of its own, so that one that hangs is ended with all its servers. Bounds of time
 * are given a second chance, once, because a shared machine may be busy; what was lost or out of order is not.
 */
export async function runAll(runs: readonly Run[], options: RunAllOptions): Promise<readonly Result[]> {
  const results: Result[] = [];
  const work = async (queue: Run[]) => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      results.push(await runTwiceAtMost(run, options));
    }
  };
  // The longest stands last in the list. It begins first, so that the other lanes do not idle beside it at the end.
  const together = runs.filter(({ scenario }) => scenario.alone !== true).reverse();
  await Promise.all(Array.from({ length: options.lanes }, () => work(together)));
  await work(runs.filter(({ scenario }) => scenario.alone === true));
  return results.sort((a, b) => place(runs, a) - place(runs, b));
}

function place(runs: readonly Run[], result: Result): number {
  return runs.findIndex(({ scenario, seed }) => scenario.name === result.scenario && seed === result.seed);
}

async function runTwiceAtMost(run: Run, options: RunAllOptions): Promise<Result> {
  const { onResult, folder } = options;
  const first = await runOnce(run, options, 1);
  onResult(first.result, first.log);
  if (!missedOnlyTime(first.result)) return first.result;
  const again = await runOnce(run, options, 2);
  const result = { ...again.result, attempt: 2 };
  write(resultFile(folder, result), result);
  onResult(result, again.log);
  return result;
}

async function runOnce(
  { scenario, seed }: Run,
  { short, minutes, main, folder }: RunAllOptions,
  attempt: number,
): Promise<{ readonly result: Result; readonly log: string }> {
  const { name, row, what } = scenario;
  mkdirSync(folder, { recursive: true });
  const file = resultFile(folder, { scenario: name, seed });
  rmSync(file, { force: true });
  const log = join(folder, `${name}-${seed}${attempt === 1 ? '' : '-again'}.log`);
  const [program = ''] = process.argv.slice(1);
  const chosen = ['--only', name, '--seed', `${seed}`, '--main', main, '--results', folder];
  const args = [...chosen, ...(short ? ['--short'] : []), ...(minutes ? ['--minutes', minutes] : [])];
  const startedMs = performance.now();
  const child = await Child.start({
    command: process.execPath,
    args: [program, ...args],
    env: process.env,
  });
  const timeoutMs = short ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS + Number(minutes ?? 60) * 60_000;
  const late = setTimeout(() => child.signal('SIGTERM'), timeoutMs);
  const tooLate = setTimeout(() => child.signal('SIGKILL'), timeoutMs + STOP_TIMEOUT_MS);
  const ended = await child.exited();
  clearTimeout(late);
  clearTimeout(tooLate);
  createWriteStream(log).end(child.output);
  try {
    return { result: read(file), log };
  } catch {
    const durationMs = performance.now() - startedMs;
    const why = durationMs >= timeoutMs ? `not over after ${timeoutMs / 1000} s` : `it ended with ${ended}`;
    return { result: noResult({ scenario: name, row, what, seed, short, durationMs }, why), log };
  }
}
