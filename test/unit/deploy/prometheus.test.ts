import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROWS } from '../../../deploy/grafana/dashboard.ts';
import { findTool } from '../../../src/cli/dev/install.ts';
import { createMetrics } from '../../../src/ops/metrics/metrics.ts';
import { FOREIGN_METRICS, TLS_METRICS } from '../../support/documents/foreign-metrics.ts';
import { metricNames, readRules } from '../../support/documents/promql.ts';
import { ensureInstalled } from '../../support/servers/install.ts';

const FOLDER = fileURLToPath(new URL('../../../deploy/prometheus/', import.meta.url));
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

const alerts = readRules(read('deploy/prometheus/rules/alerts.yml'));
const records = readRules(read('deploy/prometheus/rules/recording.yml'));

function promtool(args: readonly string[], input = ''): string {
  const command = findTool('promtool');
  if (command === null) throw new Error('promtool is missing');
  // What it complains of goes to standard error, which is part of the error that this throws.
  return execFileSync(command, args, { cwd: FOLDER, input, encoding: 'utf8', stdio: 'pipe' });
}

beforeAll(() => ensureInstalled('promtool'), 300_000);

describe('promtool', () => {
  test('accepts the configuration and its rules', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatch(/SUCCESS: 2 rule files found/);
  });

  // A dozen seconds of processor time.
  test('every alert fires where it should, with the right words, and nowhere else', {
    timeout: 300_000,
  }, () => {
    const files = readdirSync(`${FOLDER}/tests`).map((name) => `tests/${name}`);
    expect(promtool(['test', 'rules', ...files])).toContain('SUCCESS');
  });

  test('accepts what a node serves', async () => {
    const { text } = await createMetrics().exposition();
    expect(promtool(['check', 'metrics'], text)).toBe('');
  });
});

describe('every alert', () => {
  const tests = read('deploy/prometheus/tests/alerts.yml');
  const runbook = read('docs/runbook.md');
  const drill = read('docs/drill.md');

  test.each(alerts.map(({ name, text }) => [name, text] as const))('%s', (name, text) => {
    expect(tests, 'is fired by a test').toMatch(new RegExp(`- name: ["']${name} fires: `));
    expect(tests, 'is kept from firing by a test').toMatch(new RegExp(`- name: ["']${name} does not fire: `));
    expect(text, 'pages or not').toMatch(/severity: (page|ticket)/);
    expect(text, 'links to its section').toContain(`runbook_url: docs/runbook.md#${name.toLowerCase()}`);
    const section = runbook.split(/^## /m).find((part) => part.startsWith(`${name}\n`));
    expect(section, 'has a section of the runbook').toBeDefined();
    for (const heading of ['What it means', 'See more', 'What to do'])
      expect(section).toContain(`**${heading}.**`);
  });

  test.each(alerts.map(({ name }) => name))('%s has fired and resolved in the drill', (name) => {
    const row = drill.split('\n').find((line) => line.startsWith(`| [${name}](`));
    expect(row, 'run DRILL_SPEED=1 npm run drill -- alerts').toMatch(
      /\| (\d+ min )?\d+ s \| (\d+ min )?\d+ s \|/,
    );
  });

  test('the runbook has no section for an alert that does not exist', () => {
    const sections = [...runbook.matchAll(/^## (Keyrelay\w+)$/gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });
});

describe('every queried metric exists', () => {
  const panels = ROWS.flatMap(({ panels }) => panels);
  const asked = [
    ...[...alerts, ...records].map(({ name, expr }) => [name, expr] as const),
    ...panels.flatMap(({ title, queries }) => queries.map(({ expr }) => [`panel ${title}`, expr] as const)),
  ];

  let known: ReadonlySet<string>;

  beforeAll(async () => {
    const { text } = await createMetrics().exposition();
    // Series whose labels are not known beforehand appear with their first value: their names stand in `# TYPE`.
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    const own = types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
    known = new Set([...own, ...records.map(({ name }) => name), ...FOREIGN_METRICS, ...TLS_METRICS, 'up']);
  });

  test.each(asked)('%s', (_who, expr) => {
    const names = metricNames(expr);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
