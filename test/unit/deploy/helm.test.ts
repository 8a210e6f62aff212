import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { METRICS } from '../../../src/ops/metric-table.ts';
import { SETTINGS } from '../../../src/ops/settings.ts';

const FOLDER = fileURLToPath(new URL('../../../deploy/helm/', import.meta.url));
const rendered = readFileSync(join(FOLDER, 'rendered.yaml'), 'utf8');
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: FOLDER, encoding: 'utf8' });

describe('deploy/helm/rendered.yaml', () => {
  test('comes from the chart as it is now', () => {
    const digest = run('./digest.sh').trim();
    expect(rendered.split('\n')[0], 'run deploy/helm/render.sh').toContain(digest);
  });

  // Without helm the digest above stands in: whoever changed the chart has rendered it.
  test.runIf(hasHelm())('is what helm makes of it', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'keyrelay-helm-')), 'rendered.yaml');
    run('./render.sh', file);
    expect(readFileSync(file, 'utf8')).toBe(rendered);
  });

  test('sets only settings that exist', () => {
    const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
    const set = [...rendered.matchAll(/\bRELAY_\w+/g)].map(([name]) => name);
    expect(set.length).toBeGreaterThan(3);
    expect(set.filter((name) => !known.has(name))).toEqual([]);
  });

  test('gives a stopping pod the time that preStop and the drain take', () => {
    const number = (pattern: RegExp) => Number(pattern.exec(rendered)?.[1]);
    const grace = number(/terminationGracePeriodSeconds: (\d+)/);
    const preStop = number(/setTimeout\(\(\) => \{\}, (\d+)\)/) / 1000;
    const drain = number(/RELAY_DRAIN_MS, value: "(\d+)"/) / 1000;
    expect(grace).toBeGreaterThanOrEqual(preStop + drain + 10);
  });

  test('scales by a metric that nodes have', () => {
    const name = /metric: \{ name: (\w+) \}/.exec(rendered)?.[1];
    expect(Object.values(METRICS).map((metric) => metric.name as string)).toContain(name);
  });

  test('carries every alert', () => {
    const alerts = readFileSync(join(FOLDER, '../prometheus/rules/alerts.yml'), 'utf8').match(
      /- alert: \w+/g,
    );
    expect(rendered.match(/- alert: \w+/g)).toEqual(alerts);
  });
});

function hasHelm(): boolean {
  try {
    execFileSync('helm', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
