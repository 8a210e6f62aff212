import { quantile, type Row, rate } from './panel.ts';

/** What it runs on. */
export const MACHINES: readonly Row[] = [
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
            expr: 'sum by (cluster, instance) (keyrelay_sockets) / on (cluster, instance) keyrelay_sockets_max',
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
          { expr: `sum(${rate('keyrelay_mailbox_reads_put_off_total')})`, legend: 'announced nothing' },
          { expr: `sum(${rate('keyrelay_unexpected_messages_total')})`, legend: 'unexpected messages' },
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
