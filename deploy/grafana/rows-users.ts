import { quantile, type Row, rate } from './panel.ts';

/** What users meet: mail and connections. */
export const USERS: readonly Row[] = [
  {
    title: 'Do users notice?',
    panels: [
      {
        title: 'Nodes ready, and live',
        description:
          'Nodes that accept new connections (/readyz), and nodes that have announced themselves in Redis: more of these than you know means that others use the same Redis.',
        unit: 'short',
        stat: true,
        badBelow: 1,
        queries: [
          { expr: 'sum(keyrelay_ready)', legend: 'ready' },
          { expr: 'max(keyrelay_live_nodes)', legend: 'live' },
        ],
      },
      {
        title: 'Connected',
        description: 'Users with a session, over all nodes.',
        unit: 'short',
        stat: true,
        queries: [{ expr: 'sum(keyrelay:sockets:sum{state="connected"})', legend: '' }],
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
        queries: [{ expr: 'max(keyrelay:push_delay_seconds:p99_2m)', legend: '' }],
      },
      {
        title: 'Unavailable',
        description: 'Share of the envelopes that the relay could not store.',
        unit: 'percentunit',
        stat: true,
        badFrom: 0.01,
        queries: [{ expr: 'max(keyrelay:envelopes_unavailable:ratio2m)', legend: '' }],
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
            expr: 'sum by (outcome) (keyrelay:envelopes_received:rate2m{outcome!~"stored|repeated"}) > 0',
            legend: '{{outcome}}',
          },
        ],
      },
      {
        title: 'Mail of those who were away',
        description:
          'Found at a login, run out unread, set aside because it could not be pushed. With RELAY_WAKE_URL: users in ' +
          'messages to the receiver, by outcome; the time of a message; nodes that pause because the receiver fails.',
        unit: 'ops',
        queries: [
          { expr: `sum(${rate('keyrelay_envelopes_waited_total')})`, legend: 'waited' },
          { expr: `sum(${rate('keyrelay_envelopes_expired_total')})`, legend: 'expired' },
          { expr: `sum(${rate('keyrelay_poison_envelopes_total')})`, legend: 'set aside' },
          {
            expr: `sum by (reason) (${rate('keyrelay_client_dead_letters_total')})`,
            legend: 'by the recipient: {{reason}}',
          },
          { expr: `sum by (outcome) (${rate('keyrelay_wakes_total')})`, legend: 'woken: {{outcome}}' },
          { expr: quantile(0.99, 'keyrelay_wake_duration_seconds'), legend: 'message p99, seconds' },
          { expr: 'sum(keyrelay_wake_paused)', legend: 'nodes that pause' },
          { expr: `sum by (outcome) (${rate('keyrelay_pushes_total')})`, legend: 'pushed: {{outcome}}' },
          { expr: quantile(0.99, 'keyrelay_push_duration_seconds'), legend: 'push p99, seconds' },
          { expr: 'sum(keyrelay_push_paused_services)', legend: 'push services that pause' },
        ],
      },
      {
        title: 'Mail that waits',
        description: 'In the whole store, estimated once a minute from keys drawn at random.',
        unit: 'short',
        queries: [
          { expr: 'avg(keyrelay_waiting_envelopes)', legend: 'envelopes' },
          { expr: 'avg(keyrelay_waiting_mailboxes)', legend: 'mailboxes' },
        ],
      },
      {
        title: 'Full mailboxes',
        description:
          'Envelopes refused with mailbox_full; of those, whose sender has his share waiting there.',
        unit: 'ops',
        queries: [
          {
            expr: `sum(${rate('keyrelay_envelopes_received_total{outcome="mailbox_full"}')})`,
            legend: 'mailbox_full',
          },
          { expr: `sum(${rate('keyrelay_mailbox_shares_full_total')})`, legend: "the sender's share" },
        ],
      },
      {
        title: 'Devices that displace each other',
        description: 'Sessions displaced by a newer login; logins that were told to wait because of it.',
        unit: 'ops',
        queries: [
          { expr: `sum(${rate('keyrelay_takeovers_total')})`, legend: 'displaced' },
          { expr: `sum(${rate('keyrelay_logins_damped_total')})`, legend: 'told to wait' },
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
          { expr: `sum(${rate('keyrelay_frames_deferred_total')})`, legend: 'frames that waited' },
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
        title: 'New connections refused',
        description: '`sockets` and `overload` are ours, the others are limits of the client.',
        unit: 'ops',
        stacked: true,
        queries: [
          { expr: `sum by (reason) (${rate('keyrelay_upgrades_refused_total')})`, legend: '{{reason}}' },
          { expr: `sum(${rate('keyrelay_connections_refused_total')})`, legend: 'connections' },
        ],
      },
      {
        title: 'Takeovers, drains, work',
        description:
          'Sessions displaced by a newer login; connections that stopping nodes have still to close; zero bits that nodes ask of a new user.',
        unit: 'short',
        queries: [
          { expr: `sum(${rate('keyrelay_takeovers_total')})`, legend: 'takeovers per second' },
          { expr: `sum(${rate('keyrelay_logins_damped_total')})`, legend: 'logins told to wait per second' },
          { expr: 'sum(keyrelay_drain_remaining_sockets)', legend: 'still to close' },
          { expr: 'max(keyrelay_registration_difficulty)', legend: 'zero bits for a registration' },
        ],
      },
      {
        title: 'HTTP and commands',
        description:
          'Requests to the nodes, and what the load balancer answered by itself or passed on; commands to the relay.',
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
          {
            expr: `sum by (command, outcome) (${rate('keyrelay_commands_total')})`,
            legend: '{{command}} {{outcome}}',
          },
        ],
      },
    ],
  },
];
