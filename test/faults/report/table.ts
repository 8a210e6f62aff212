import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULT_NAMES } from '../checker/checker.ts';
import type { MutantResult } from '../mutants/mutation.ts';
import { SCENARIOS } from '../scenarios/index.ts';
import { type Result, read } from './results.ts';

/** Runs whose timeline stands in the docs. */
const IMAGES = {
  'kill-nodes': 'faults-kill-nodes.svg',
  'redis-stopped': 'faults-redis-stopped.svg',
} as const;

/**
 * Writes the tables of docs/reliability.md from what runs have left: nothing in them is typed by hand.
 * `--results DIR` (several with commas), `--mutants FILE`, `--page FILE`.
 */
const { values } = parseArgs({
  options: {
    results: { type: 'string', default: '.cache/faults/results' },
    mutants: { type: 'string', default: '.cache/faults/mutants.json' },
    page: { type: 'string', default: 'docs/reliability.md' },
  },
});

const results = values.results
  .split(',')
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => read(join(folder, name))),
  );

let page = readFileSync(values.page, 'utf8');
const [short, long] = [results.filter((run) => run.short), results.filter((run) => !run.short)];
page = between(page, 'scenarios', scenarioTable(short));
if (long.length > 0) page = between(page, 'long form', long.map(longTable).join('\n\n'));
page = between(page, 'broken rules', brokenTable(results));
if (existsSync(values.mutants)) {
  const { rows } = JSON.parse(readFileSync(values.mutants, 'utf8')) as { rows: MutantResult[] };
  page = between(page, 'mutants', mutantTable(rows));
}
writeFileSync(values.page, page);

for (const [scenario, image] of Object.entries(IMAGES)) {
  const pictures = values.results
    .split(',')
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []))
    .filter((path) => new RegExp(`/${scenario}-\\d+\\.svg$`).test(path));
  const [newest] = pictures.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (newest !== undefined) copyFileSync(newest, join('docs/images', image));
}

/** Replaces what stands between two comments of this name. */
function between(text: string, name: string, table: string): string {
  const [begin, end] = [
    `<!-- ${name}: written by test/faults/report/table.ts -->`,
    `<!-- end of ${name} -->`,
  ];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${values.page} has no place for ${name}: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
}

function scenarioTable(all: readonly Result[]): string {
  const columns = [
    'scenario',
    'what happens',
    'runs',
    'passed',
    'accepted',
    'unknown',
    'recovered',
    'lost',
    'excused',
    'other faults',
    'repeats',
    'gap, median',
    'gap, worst',
    'memory, peak',
  ];
  const rows = SCENARIOS.flatMap(({ name, row, what }) => {
    const runs = all.filter((result) => result.scenario === name && result.notRun === null);
    if (runs.length === 0)
      return [[`\`${name}\``, `${row}: ${what}`, '0', ...columns.slice(3).map(() => '-')]];
    const sum = (count: (result: Result) => number) => runs.reduce((total, run) => total + count(run), 0);
    const counted = (name: keyof NonNullable<Result['counts']>) => sum(({ counts }) => counts?.[name] ?? 0);
    const again = runs.filter(({ passed, attempt }) => passed && attempt > 1).length;
    const passed = runs.filter((run) => run.passed).length;
    const medians = runs.flatMap(({ gap }) => gap?.medianMs ?? []).sort((a, b) => a - b);
    const others = FAULT_NAMES.filter((fault) => !fault.startsWith('lost') && counted(fault) > 0);
    return [
      [
        `\`${name}\``,
        `${row}: ${what}`,
        `${runs.length}`,
        again === 0 ? `${passed}` : `${passed} (${again} at the second try)`,
        grouped(counted('accepted')),
        grouped(counted('unknown')),
        grouped(counted('recovered')),
        grouped(counted('lostPrefix') + counted('lostMiddle') + counted('lostTail')),
        grouped(counted('excused')),
        others.map((fault) => `${fault} ${counted(fault)}`).join(', ') || '0',
        grouped(counted('repeat')),
        time(medians[Math.floor(medians.length / 2)]),
        time(Math.max(...runs.map(({ gap }) => gap?.worstMs ?? 0))),
        `${Math.round(Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 2 ** 20)} MB`,
      ],
    ];
  });
  return markdown(columns, rows);
}

function longTable({
  scenario,
  seed,
  what,
  durationMs,
  counts,
  gap,
  peakBytes,
  rules,
  passed,
  verdict,
  errors,
}: Result): string {
  const broken = rules.filter((rule) => !rule.passed);
  const others = FAULT_NAMES.map((name) => `${name} ${counts?.[name] ?? '-'}`).join(', ');
  return markdown(
    [`\`${scenario}\`, seed ${seed}`, passed ? 'passed' : `not passed: ${verdict}`],
    [
      ['what', what],
      ['lasted', `${Math.round(durationMs / 60_000)} min`],
      ['sent / accepted', `${grouped(counts?.sent ?? 0)} / ${grouped(counts?.accepted ?? 0)}`],
      [
        'unknown / of those recovered',
        `${grouped(counts?.unknown ?? 0)} / ${grouped(counts?.recovered ?? 0)}`,
      ],
      ['verdicts', others],
      ['repeats over connections', grouped(counts?.repeat ?? 0)],
      ['gap, median / worst', `${time(gap?.medianMs)} / ${time(gap?.worstMs)}`],
      ['memory of three nodes, peak', `${Math.round(peakBytes / 2 ** 20)} MB`],
      ['answered `unavailable`', grouped(errors.unavailable ?? 0)],
      ['rules broken', broken.map(({ text }) => text).join('; ') || 'none'],
    ],
  );
}

/** Runs that did not pass, and what they missed. */
function brokenTable(all: readonly Result[]): string {
  const rows = all
    .filter(({ passed, notRun }) => !passed && notRun === null)
    .flatMap(({ scenario, seed, rules, verdict }) =>
      rules
        .filter((rule) => !rule.passed)
        .map(({ text, measured }) => [`\`${scenario}\``, `${seed}`, verdict, text, firstLine(measured)]),
    );
  return rows.length === 0 ? 'None.' : markdown(['scenario', 'seed', 'envelopes', 'rule', 'measured'], rows);
}

function mutantTable(rows: readonly MutantResult[]): string {
  return markdown(
    ['the relay is broken so', 'caught by', 'what gave it away'],
    rows.map(({ name, tried, caughtBy, evidence }) => [
      name,
      caughtBy === null ? `**nothing** (tried: ${tried.join(', ')})` : `\`${caughtBy}\``,
      evidence,
    ]),
  );
}

function markdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** Without what names the machine. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replaceAll(/\/\S+\//g, '');
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function time(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
