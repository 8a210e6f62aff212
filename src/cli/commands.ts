import type { Run } from './command.ts';

export interface Command {
  readonly summary: string;
  /** Options and examples, in words. */
  readonly usage: string;
  /** Loaded when it is asked for: `--help` needs neither Redis nor uWebSockets.js. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** Every command, once. */
export const COMMANDS = {
  serve: {
    summary: 'runs a relay node until it is told to stop',
    usage: `Takes no options: every setting is an environment variable (keyrelay --help).

  RELAY_PORT=9000 keyrelay serve
  RELAY_REDIS_URL=redis://127.0.0.1:6379 keyrelay serve

SIGTERM or SIGINT: not ready, connections closed over RELAY_DRAIN_MS, exit code 0. The second one ends it at once.`,
    load: () => import('./serve.ts'),
  },
  cluster: {
    summary: 'runs a whole cluster here: Redis, three nodes, HAProxy in front',
    usage: `  --prometheus    with Prometheus, its exporters, and the alerts of deploy/prometheus

Uses redis-server and haproxy of this machine, with the files of deploy/, and installs Debian's packages if they are
missing and it may. Clients come in at RELAY_PORT (8080); other RELAY_* settings go to every node.
Ctrl-C stops everything and removes what it wrote.`,
    load: () => import('./cluster.ts'),
  },
  demo: {
    summary: 'shows the protocol: Alice and Bob register, exchange keys and write to each other',
    usage: `  --url URL    the relay to use, such as http://127.0.0.1:8080 (or RELAY_URL)

Without a URL it takes the relay at http://127.0.0.1:8080, and starts one of its own if there is none.
Exit code 1 if any step fails.`,
    load: () => import('./demo.ts'),
  },
  reopen: {
    summary: 'lets an account that has spoken protocol 2 use protocol 1 again (for operators)',
    usage: `  keyrelay reopen CODE

For somebody who has lost the client that spoke protocol 2, and says so by a way that you trust: from now on, whoever
has once seen a connect of this account by protocol 1 can replay it. The next login by protocol 2 closes it again.
Needs RELAY_REDIS_URL, as the nodes have it. Exit code 1 if no user has this code.`,
    load: () => import('./reopen.ts'),
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
