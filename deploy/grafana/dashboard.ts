/**
 * The Grafana dashboard, from which dashboards/keyrelay.json is written (`npm run docs`). Top to bottom: do users
 * notice anything, then where it comes from.
 */

import type { Panel, Row } from './panel.ts';
import { MACHINES } from './rows-machines.ts';
import { USERS } from './rows-users.ts';

/** Every panel, once. */
export const ROWS: readonly Row[] = [...USERS, ...MACHINES];

/** Grafana's grid. */
const COLUMNS = 24;
const PER_ROW = { stat: 6, graph: 3 } as const;
const HEIGHT = { row: 1, stat: 4, graph: 8 } as const;
const DATASOURCE = { type: 'prometheus', uid: 'prometheus' } as const;

/** The text of dashboards/keyrelay.json. */
export function dashboardJson(): string {
  const panels: unknown[] = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: HEIGHT.row },
    });
    y += HEIGHT.row;
    let x = 0;
    for (const panel of row.panels) {
      const kind = panel.stat ? 'stat' : 'graph';
      const w = COLUMNS / PER_ROW[kind];
      const h = HEIGHT[kind];
      panels.push({ id: panels.length + 1, ...panelJson(panel), gridPos: { x, y, w, h } });
      x += w;
      if (x === COLUMNS) {
        x = 0;
        y += h;
      }
    }
  }
  const dashboard = {
    uid: 'keyrelay',
    title: 'keyrelay',
    tags: ['keyrelay'],
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    annotations: {
      list: [
        {
          name: 'Alerts',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'red',
          expr: 'ALERTS{alertname=~"Keyrelay.*",alertstate="firing"}',
          titleFormat: '{{alertname}}',
        },
      ],
    },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelJson(panel: Panel): Record<string, unknown> {
  return {
    type: panel.stat ? 'stat' : 'timeseries',
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        min: 0,
        ...(panel.stat
          ? { color: { mode: 'thresholds' }, thresholds: thresholds(panel) }
          : {
              custom: {
                fillOpacity: 10,
                showPoints: 'never',
                stacking: { mode: panel.stacked ? 'normal' : 'none' },
              },
            }),
      },
      overrides: [],
    },
    ...(panel.stat ? { options: { reduceOptions: { calcs: ['lastNotNull'] }, graphMode: 'area' } } : {}),
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      expr,
      legendFormat: legend,
    })),
  };
}

function thresholds({ badFrom, badBelow }: Panel): unknown {
  if (badBelow !== undefined) {
    return {
      mode: 'absolute',
      steps: [
        { value: null, color: 'red' },
        { value: badBelow, color: 'green' },
      ],
    };
  }
  const steps: unknown[] = [{ value: null, color: 'green' }];
  if (badFrom !== undefined) steps.push({ value: badFrom, color: 'red' });
  return { mode: 'absolute', steps };
}
