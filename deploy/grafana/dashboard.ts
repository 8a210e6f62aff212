/**
 * The Grafana dashboard, from which dashboards/keyrelay.json is written (`npm run docs`). Top to bottom: do users
 * notice anything, then where it comes from.
 */

type Unit = 'short' | 'ops' | 's' | 'bytes' | 'Bps' | 'percentunit';

interface Query {
  readonly expr: string;
  /** Grafana's `{{label}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** One number, the latest, instead of a graph. */
  readonly stat?: true;
  /** Of a stat: from here on it is red. */
  readonly badFrom?: number;
  /** Of a stat: below this it is red. */
  readonly badBelow?: number;
  readonly stacked?: true;
  readonly queries: readonly Query[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const rate = (metric: string) => `rate(${metric}[$__rate_interval])`;
const quantile = (q: number, histogram: string, by = 'le') =>
  `histogram_quantile(${q}, sum by (${by}) (${rate(`${histogram}_bucket`)}))`;

/** Every panel, once. */
export const ROWS: readonly Row[] = [
  {
    title: 'Do users notice?',
    panels: [
      {
        title: 'Nodes ready',
        description: 'Nodes that take new connections (/readyz).',
        unit: 'short',
        stat: true,
        badBelow: 1,
        queries: [{ expr: 'sum(keyrelay_ready)', legend: '' }],
      },
      {
        title: 'Connected',
        description: 'Users with a session, over all nodes.',
        unit: 'short',
        stat: true,
        queries: [{ expr: 'keyrelay:sockets:sum{state="connected"}', legend: '' }],
      },
      {
        title: 'Stored',
        description: 'Envelopes taken over from clients.',
        unit: 'ops',
        stat: true,
        queries: [{ expr: 'sum(keyrelay:envelopes_received:rate2m{outcome="stored"})', legend: '' }],
      },
      {
        title: 'To the push, p99',
        description: 'From storing to the push, to recipients who are connected.',
        unit: 's',
        stat: true,
        badFrom: 1,
        queries: [{ expr: 'keyrelay:push_delay_seconds:p99_2m', legend: '' }],
      },
      {
        title: 'Unavailable',
        description: 'Share of the envelopes that the relay could not store.',
        unit: 'percentunit',
        stat: true,
        badFrom: 0.01,
        queries: [{ expr: 'keyrelay:envelopes_unavailable:ratio2m', legend: '' }],
      },
      {
        title: 'Redis memory',
        description: 'Of maxmemory, the fullest server.',
        unit: 'percentunit',
        stat: true,
        badFrom: 0.9,
        queries: [{ expr: 'max(keyrelay:redis_memory_used:ratio)', legend: '' }],
      },
    ],
  },
  {
    title: 'Envelopes',
    panels: [
      {
        title: 'Way of the envelopes',
        description:
          'Stored, handed to the socket of the recipient, confirmed by it. The three run together.',
        unit: 'ops',
        queries: [
          { expr: 'sum(keyrelay:envelopes_received:rate2m{outcome="stored"})', legend: 'stored' },
          { expr: `sum(${rate('keyrelay_envelopes_pushed_total')})`, legend: 'pushed' },
          { expr: `sum(${rate('keyrelay_envelopes_confirmed_total')})`, legend: 'confirmed' },
        ],
      },
      {
        title: 'Time to deliver',
        description: 'To the push: the relay. To the confirmation: the network and the client.',
        unit: 's',
        queries: [
          { expr: quantile(0.5, 'keyrelay_push_delay_seconds'), legend: 'to the push, p50' },
          { expr: quantile(0.99, 'keyrelay_push_delay_seconds'), legend: 'to the push, p99' },
          { expr: quantile(0.5, 'keyrelay_confirm_delay_seconds'), legend: 'to the confirmation, p50' },
          { expr: quantile(0.99, 'keyrelay_confirm_delay_seconds'), legend: 'to the confirmation, p99' },
        ],
      },
      {
        title: 'Refused',
        description: 'What senders were told; docs/protocol.md has the codes.',
        unit: 'ops',
        stacked: true,
        queries: [
          {
            expr: 'keyrelay:envelopes_received:rate2m{outcome!~"stored|repeated"} > 0',
            legend: '{{outcome}}',
          },
        ],
      },
      {
        title: 'Mail of those who were away',
        description: 'Found at a login, run out unread, passed over because it could not be read.',
        unit: 'ops',
        queries: [
          { expr: `sum(${rate('keyrelay_envelopes_waited_total')})`, legend: 'waited' },
          { expr: `sum(${rate('keyrelay_envelopes_expired_total')})`, legend: 'expired' },
          { expr: `sum(${rate('keyrelay_poison_envelopes_total')})`, legend: 'unreadable' },
        ],
      },
      {
        title: 'Mailboxes read',
        description:
          'By cause. `gap` and `look` are repairs; `window` is a client that is slower than its mail.',
        unit: 'ops',
        stacked: true,
        queries: [{ expr: `sum by (cause) (${rate('keyrelay_mailbox_reads_total')})`, legend: '{{cause}}' }],
      },
      {
        title: 'Slow readers',
        description: 'Sessions that stopped pushing: too much unconfirmed, or the socket takes no more.',
        unit: 'ops',
        queries: [
          { expr: `sum(${rate('keyrelay_window_full_total')})`, legend: 'window full' },
          { expr: `sum(${rate('keyrelay_backpressure_total')})`, legend: 'socket full' },
          { expr: `sum by (kind) (${rate('keyrelay_foreign_receipts_total')})`, legend: 'foreign {{kind}}' },
        ],
      },
    ],
  },
  {
    title: 'Connections',
    panels: [
      {
        title: 'Connected, by node',
        description: 'After a restart they come back to the emptiest node first.',
        unit: 'short',
        stacked: true,
        queries: [{ expr: 'keyrelay_sockets{state="connected"}', legend: '{{instance}}' }],
      },
      {
        title: 'Logins',
        description: 'Outcomes of connect.',
        unit: 'ops',
        stacked: true,
        queries: [{ expr: `sum by (outcome) (${rate('keyrelay_logins_total')})`, legend: '{{outcome}}' }],
      },
      {
        title: 'Ends of sessions',
        description: 'By reason; `restarting` is a drain, `lost` a connection that broke.',
        unit: 'ops',
        stacked: true,
        queries: [
          { expr: `sum by (reason) (${rate('keyrelay_sessions_closed_total')})`, legend: '{{reason}}' },
        ],
      },
      {
        title: 'Newcomers refused',
        description: '`sockets` and `overload` are ours, the others are limits of the client.',
        unit: 'ops',
        stacked: true,
        queries: [
          { expr: `sum by (reason) (${rate('keyrelay_upgrades_refused_total')})`, legend: '{{reason}}' },
          { expr: `sum(${rate('keyrelay_connections_refused_total')})`, legend: 'connections' },
        ],
      },
      {
        title: 'Takeovers and drains',
        description:
          'Sessions displaced by a newer login; connections that stopping nodes have still to close.',
        unit: 'short',
        queries: [
          { expr: `sum(${rate('keyrelay_takeovers_total')})`, legend: 'takeovers per second' },
          { expr: `sum(${rate('keyrelay_logins_damped_total')})`, legend: 'logins told to wait per second' },
          { expr: 'sum(keyrelay_drain_remaining_sockets)', legend: 'still to close' },
        ],
      },
      {
        title: 'HTTP',
        description: 'Requests to the nodes, and what the load balancer answered by itself or passed on.',
        unit: 'ops',
        queries: [
          {
            expr: `sum by (route, status) (${rate('keyrelay_http_requests_total')})`,
            legend: '{{route}} {{status}}',
          },
          {
            expr: `sum(${rate('haproxy_frontend_http_responses_total{proxy="clients",code="5xx"}')})`,
            legend: 'HAProxy 5xx',
          },
        ],
      },
    ],
  },
  {
    title: 'Nodes',
    panels: [
      {
        title: 'CPU',
        description: 'A node is one thread: 1 is full.',
        unit: 'percentunit',
        queries: [{ expr: rate('process_cpu_seconds_total{job="keyrelay"}'), legend: '{{instance}}' }],
      },
      {
        title: 'Event loop lag, p99',
        description: 'How late a node gets to what is due.',
        unit: 's',
        queries: [{ expr: 'nodejs_eventloop_lag_p99_seconds{job="keyrelay"}', legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        description: 'Resident, by node.',
        unit: 'bytes',
        queries: [{ expr: 'process_resident_memory_bytes{job="keyrelay"}', legend: '{{instance}}' }],
      },
      {
        title: 'Verifying',
        description: 'Time for one Ed25519 signature: the floor of what an envelope costs.',
        unit: 's',
        queries: [
          { expr: quantile(0.5, 'keyrelay_verify_duration_seconds'), legend: 'p50' },
          { expr: quantile(0.99, 'keyrelay_verify_duration_seconds'), legend: 'p99' },
        ],
      },
      {
        title: 'Bytes',
        description: 'Of frames from clients, and of envelopes to them.',
        unit: 'Bps',
        queries: [
          { expr: `sum(${rate('keyrelay_received_bytes_total')})`, legend: 'in' },
          { expr: `sum(${rate('keyrelay_pushed_bytes_total')})`, legend: 'out' },
        ],
      },
      {
        title: 'Room for sockets',
        description: 'Share of RELAY_MAX_SOCKETS in use.',
        unit: 'percentunit',
        queries: [
          {
            expr: 'sum by (instance) (keyrelay_sockets) / on (instance) keyrelay_sockets_max',
            legend: '{{instance}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Redis',
    panels: [
      {
        title: 'Calls, p99',
        description: 'Round trip as nodes see it, by verb of the engine.',
        unit: 's',
        queries: [
          { expr: quantile(0.99, 'keyrelay_redis_duration_seconds', 'le, verb'), legend: '{{verb}}' },
        ],
      },
      {
        title: 'Calls that failed',
        description: 'Or ran out of time, by verb.',
        unit: 'ops',
        queries: [{ expr: `sum by (verb) (${rate('keyrelay_redis_errors_total')})`, legend: '{{verb}}' }],
      },
      {
        title: 'Memory',
        description: 'Used, and the limit.',
        unit: 'bytes',
        queries: [
          { expr: 'redis_memory_used_bytes', legend: 'used {{instance}}' },
          { expr: 'redis_memory_max_bytes', legend: 'limit {{instance}}' },
        ],
      },
      {
        title: 'Wake-ups: the probe',
        description:
          'Round trip through script, channel and subscription, and probes that did not come back.',
        unit: 's',
        queries: [
          { expr: quantile(0.99, 'keyrelay_probe_duration_seconds'), legend: 'round trip, p99' },
          { expr: `sum(${rate('keyrelay_probes_lost_total')})`, legend: 'lost per second' },
        ],
      },
      {
        title: 'Wake-ups: lost',
        description: 'Found by looking into mailboxes; and what else came over the channels.',
        unit: 'ops',
        queries: [
          { expr: `sum(${rate('keyrelay_lost_wake_ups_total')})`, legend: 'lost' },
          { expr: `sum(${rate('keyrelay_rubbish_heard_total')})`, legend: 'rubbish' },
          { expr: `sum(${rate('keyrelay_ids_forgotten_total')})`, legend: 'ids forgotten' },
        ],
      },
      {
        title: 'Commands and subscriptions',
        description: 'Commands a second, as Redis counts them; channels that nodes are subscribed to.',
        unit: 'short',
        queries: [
          { expr: rate('redis_commands_processed_total'), legend: 'commands per second {{instance}}' },
          { expr: 'sum(keyrelay_subscriptions)', legend: 'subscriptions' },
        ],
      },
    ],
  },
];

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
