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
/** Chosen at the top of the dashboard, as are `$cluster` and `$node`. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own notation
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

const VARIABLES = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  // Targets without a label `cluster` are those of All.
  labelVariable('cluster', 'Cluster', 'label_values(keyrelay_ready, cluster)'),
  labelVariable('node', 'Node', 'label_values(keyrelay_ready{cluster=~"$cluster"}, instance)'),
];

function labelVariable(name: string, label: string, query: string): object {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  };
}

/** Of every node: answered by the nodes themselves, and so with an instance that is a node. */
const OF_NODES = /^(keyrelay|nodejs|process)_/;

/**
 * A query that looks only at what was chosen: `cluster` everywhere, `node` where a metric comes from nodes. Recorded
 * series (`keyrelay:…`) are of the whole cluster.
 */
export function chosen(expr: string): string {
  return expr.replaceAll(
    /(?<![\w"'`{=~$])((?:keyrelay|nodejs|process|redis|haproxy)_\w+|keyrelay:[\w:]+)(\{)?/g,
    (_, metric: string, brace: string | undefined) => {
      const node = OF_NODES.test(metric) ? ',instance=~"$node"' : '';
      return `${metric}{cluster=~"$cluster"${node}${brace === undefined ? '}' : ','}`;
    },
  );
}

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
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: { list: VARIABLES },
    annotations: {
      list: [
        {
          name: 'Alerts',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'red',
          expr: 'ALERTS{alertname=~"Keyrelay.*",alertstate="firing",cluster=~"$cluster"}',
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
      expr: chosen(expr),
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
