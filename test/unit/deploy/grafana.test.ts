import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chosen, dashboardJson, ROWS } from '../../../deploy/grafana/dashboard.ts';
import { METRICS } from '../../../src/ops/metrics/metric-table.ts';
import { metricNames } from '../../support/documents/promql.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('dashboards/keyrelay.json is what dashboard.ts says', async () => {
  await expect(dashboardJson(), 'the dashboard is behind the code: npm run docs').toMatchFileSnapshot(
    '../../../deploy/grafana/dashboards/keyrelay.json',
  );
});

test('it can be edited, and its data source, cluster and nodes are chosen at the top', () => {
  const { editable, templating, panels } = JSON.parse(dashboardJson()) as {
    editable: boolean;
    templating: { list: { name: string; type: string; query: unknown }[] };
    panels: { datasource?: { uid: string } }[];
  };
  expect(editable).toBe(true);
  expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'cluster', 'node']);
  const sources = panels.flatMap(({ datasource }) => (datasource === undefined ? [] : [datasource.uid]));
  expect(sources.length).toBeGreaterThan(25);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own notation
  expect(new Set(sources)).toEqual(new Set(['${datasource}']));
  // One that is provisioned is what the variable finds.
  expect(read('deploy/grafana/provisioning/datasources/prometheus.yml')).toContain('isDefault: true');
});

test('every query looks only at what was chosen', () => {
  for (const { expr } of ROWS.flatMap(({ panels }) => panels).flatMap(({ queries }) => queries)) {
    const asked = chosen(expr);
    for (const name of metricNames(expr)) {
      const selector = new RegExp(`(?<![\\w:])${name}\\{cluster=~"\\$cluster"(,instance=~"\\$node")?[,}]`);
      expect(asked).toMatch(selector);
      expect(selector.exec(asked)?.[1] !== undefined, name).toBe(/^(keyrelay|nodejs|process)_/.test(name));
    }
  }
});

test.each([
  ['sum(keyrelay_ready)', 'sum(keyrelay_ready{cluster=~"$cluster",instance=~"$node"})'],
  ['rate(redis_x_total[1m])', 'rate(redis_x_total{cluster=~"$cluster"}[1m])'],
  ['keyrelay:a:sum{state="b"} > 0', 'keyrelay:a:sum{cluster=~"$cluster",state="b"} > 0'],
  [
    'nodejs_eventloop_lag_p99_seconds{job="keyrelay"}',
    'nodejs_eventloop_lag_p99_seconds{cluster=~"$cluster",instance=~"$node",job="keyrelay"}',
  ],
])('%s', (expr, asked) => expect(chosen(expr)).toBe(asked));

test('panels fill the grid without overlapping', () => {
  const { panels } = JSON.parse(dashboardJson()) as {
    panels: { gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}/${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(cells.length % 24).toBe(0);
});

test('every metric of a node is shown or alerted on, but for those that name a build', () => {
  const rules = `${read('deploy/prometheus/rules/alerts.yml')}${read('deploy/prometheus/rules/recording.yml')}`;
  const shown = JSON.stringify(ROWS) + rules;
  const unused = Object.values(METRICS).filter(({ name }) => !shown.includes(name));
  expect(unused.map(({ name }) => name)).toEqual(['keyrelay_frames_received_total', 'keyrelay_build_info']);
});
