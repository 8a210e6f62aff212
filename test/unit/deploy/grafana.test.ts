import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dashboardJson, ROWS } from '../../../deploy/grafana/dashboard.ts';
import { METRICS } from '../../../src/ops/metric-table.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('dashboards/keyrelay.json is what dashboard.ts says', async () => {
  await expect(dashboardJson(), 'the dashboard is behind the code: npm run docs').toMatchFileSnapshot(
    '../../../deploy/grafana/dashboards/keyrelay.json',
  );
});

test('its data source is the one that is provisioned', () => {
  const provisioned = /^ {4}uid: (\S+)$/m.exec(
    read('deploy/grafana/provisioning/datasources/prometheus.yml'),
  )?.[1];
  const used = [...dashboardJson().matchAll(/"type": "prometheus",\s+"uid": "(\w+)"/g)].map(([, uid]) => uid);
  expect(new Set(used)).toEqual(new Set([provisioned]));
});

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
