import { LOG_EVENTS } from '../../../src/ops/log/log-events.ts';
import { LOG_FIELDS } from '../../../src/ops/log/log-fields.ts';
import { METRICS } from '../../../src/ops/metrics/metric-table.ts';
import type { Label } from '../../../src/ops/metrics/metric-types.ts';
import type { Setting } from '../../../src/ops/settings/setting.ts';
import { CLIENT_VARIABLES, SETTINGS } from '../../../src/ops/settings/settings.ts';

/** docs/settings.md, docs/metrics.md and docs/logs.md, from the tables in the code. */

const REMEDY = 'Generated from the code by `npm run docs`.';

export function settingsMarkdown(): string {
  const rows = Object.values(SETTINGS).map((setting: Setting<unknown>) => {
    const { env, unit = '', description, live } = setting;
    return `| \`${env}\`${live === true ? ' †' : ''} | ${shownDefault(setting)} | ${unit} | ${description} |`;
  });
  const clients = Object.entries(CLIENT_VARIABLES).map(([name, means]) => `| \`${name}\` | ${means} |`);
  return `# Settings

<!-- ${REMEDY} -->

Environment variables of \`keyrelay serve\`, or lines of the file that \`RELAY_CONFIG_FILE\` names. Secrets
(\`RELAY_REDIS_URL\`, \`RELAY_ADMIN_TOKEN\`) may come from files: \`RELAY_ADMIN_TOKEN_FILE\` names one. Settings marked † can
change while nodes run: by SIGHUP, from that file, or by \`keyrelay admin limits set\` for all nodes. An empty variable counts as unset. A wrong value, or a \`RELAY_*\` variable
that does not exist, ends the process with exit code 2, after a list of all mistakes. Lists have commas between their
entries. Limits per user and per address can be turned off with 0; limits that protect the process itself cannot.

| variable | default | unit | what it does |
|---|---|---|---|
${rows.join('\n')}

Commands that talk to a relay read:

| variable | what it is |
|---|---|
${clients.join('\n')}
`;
}

function shownDefault({ default: text, defaultMeans }: Setting<unknown>): string {
  return text === '' ? (defaultMeans ?? 'none') : `\`${text}\``;
}

export function metricsMarkdown(): string {
  const sections = Object.values(METRICS).map((declared: MetricRow) => {
    const { name, type, help, labels = [], buckets } = declared;
    const lines = [`### \`${name}\``, '', `${capital(type)}. ${help}`];
    if (labels.length > 0) lines.push('', ...labels.map(describeLabel));
    if (buckets !== undefined) lines.push('', `Buckets: ${buckets.join(', ')} s.`);
    return lines.join('\n');
  });
  return `# Metrics

<!-- ${REMEDY} -->

\`GET /metrics\` on the admin port (\`RELAY_ADMIN_PORT\`, 9464), in the text format of Prometheus. Beside what follows
there are prom-client's default metrics of the process (\`process_*\`, \`nodejs_*\`): CPU, memory, garbage
collection, and event-loop lag (\`nodejs_eventloop_lag_p99_seconds\`). Scrape each process on its own port: several behind
one port would mix their counters. No metric is labelled by user.

${sections.join('\n\n')}
`;
}

export function logsMarkdown(): string {
  const rows = Object.entries(LOG_EVENTS).map(([event, declared]: [string, LogRow]) => {
    const { level, fields = [], means } = declared;
    return `| ${event} | ${level} | ${fields.map((field) => `\`${field}\``).join(', ')} | ${means} |`;
  });
  const personal = Object.entries(LOG_FIELDS).flatMap(([name, shown]) =>
    shown === 'debug' ? [`\`${name}\``] : [],
  );
  return `# Log

<!-- ${REMEDY} -->

Every line that a node can write. One line when a session begins and one when it ends; none per envelope. Lines are
JSON on standard output (coloured text if that is a terminal), and the last lines before an exit are always written:
\`time\` (UTC), \`severity\`, \`node\` (\`RELAY_NODE_ID\`), \`msg\` (the event, always the same words) and the fields
below. An \`error\` has type, code, message and stack. ${personal.join(' and ')} point to people and are
written at level debug only; payloads, signatures and \`connect\` frames never.

The level is \`RELAY_LOG_LEVEL\`, and can be changed while a node runs, for that node, until it ends:

\`\`\`sh
curl NODE:9464/log-level                    # info
curl -X PUT -d debug NODE:9464/log-level    # trace (as debug), debug, info, warn, error, silent
\`\`\`

| event | level | fields | what it means |
|---|---|---|---|
${rows.join('\n')}
`;
}

interface LogRow {
  readonly level: string;
  readonly fields?: readonly string[];
  readonly means: string;
}

interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels?: readonly Label[];
  readonly buckets?: readonly number[];
}

function describeLabel([name, values]: Label): string {
  return values === null
    ? `- \`${name}\``
    : `- \`${name}\`: ${values.map((value) => `\`${value}\``).join(', ')}`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
