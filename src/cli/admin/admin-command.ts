import type { Run } from '../command.ts';
import { ACTIONS } from './actions.ts';

const WIDTH = 34;

function usage(): string {
  const lines = Object.entries(ACTIONS).flatMap(([name, { positionals = [], options = {}, means }]) => [
    `  ${[name, ...positionals].join(' ').padEnd(WIDTH)}${means}`,
    ...Object.entries(options).map(([option, text]) => `    ${`--${option}`.padEnd(WIDTH - 2)}${text}`),
  ]);
  return `${lines.join('\n')}

  --reason TEXT    why, for the audit log (where something changes)
  --json           output for programs: one JSON object a line
  --limit N        rows of a list (1000)

  keyrelay admin invite create --uses 5 --note "the choir"
  keyrelay admin user ban E011T7D --for 7d --reason spam

Asks the admin API of any node, at RELAY_ADMIN_URL (http://127.0.0.1:9464), with RELAY_ADMIN_TOKEN or
RELAY_ADMIN_TOKEN_FILE. Each command that changes something leaves a line in the audit log. Exit code 1 if the API refuses.`;
}

export const ADMIN_COMMAND = {
  summary: 'invites and finds users, bans and deletes them, drains nodes, changes limits (for operators)',
  usage: usage(),
  load: (): Promise<{ readonly run: Run }> => import('./admin.ts'),
} as const;
