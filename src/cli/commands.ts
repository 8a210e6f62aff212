import { ADMIN_COMMAND } from './admin/admin-command.ts';
import type { Run } from './command.ts';
import { PERSON_COMMANDS } from './person/person-commands.ts';

export interface Command {
  readonly summary: string;
  /** Options and examples, in words. */
  readonly usage: string;
  /** Loaded when it is asked for: `--help` needs neither Redis nor uWebSockets.js. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** Every command, declared once. */
export const COMMANDS = {
  serve: {
    summary: 'runs a relay node until a signal stops it',
    usage: `  --workers N    this many processes on one port, or auto: one per core. Needs RELAY_REDIS_URL.

Every setting is an environment variable (keyrelay --help).

  RELAY_PORT=9000 keyrelay serve
  RELAY_REDIS_URL=redis://127.0.0.1:6379 keyrelay serve --workers auto

Each worker is a separate node, with admin ports from RELAY_ADMIN_PORT up and names from RELAY_NODE_ID-1 up. A worker
that dies is started again; SIGHUP restarts all, one after the other.

While Redis is away at the start, a node waits for it, not ready.

SIGTERM or SIGINT: not ready, connections closed over RELAY_DRAIN_MS, exit code 0. A second signal ends it at once.
SIGHUP stops nothing: a node reads its certificate and RELAY_CONFIG_FILE again.`,
    load: () => import('./serve/serve.ts'),
  },
  cluster: {
    summary: 'runs a whole cluster on this machine: Redis, three nodes, HAProxy in front',
    usage: `  --prometheus    with Prometheus, its exporters, and the alerts of deploy/prometheus

Uses redis-server and haproxy of this machine, with the files of deploy/, and installs Debian's packages if they are
missing and it may. Clients connect to RELAY_PORT (8080); other RELAY_* settings go to every node.
Ctrl-C stops everything and removes its files.`,
    load: () => import('./dev/cluster.ts'),
  },
  doctor: {
    summary: 'checks machine, Redis and front door with the settings of a node, and names remedies',
    usage: `Takes no options; give it the environment of a node. Examines open files and kernel settings; each Redis master:
version, policy, memory, append-only file, replicas, distance, clock; every permission that a node needs; whether scripts
run and wake-ups come back; which nodes live; which proxies are trusted; and what clients meet at RELAY_PUBLIC_URL.
Changes nothing. Exit code 1 if something is bad.`,
    load: () => import('./doctor/doctor.ts'),
  },
  demo: {
    summary: 'shows the protocol: Alice and Bob register, exchange keys and write to each other',
    usage: `  --url URL    the relay to use, such as http://127.0.0.1:8080 (or RELAY_URL)

Without a URL it uses the relay at http://127.0.0.1:8080, and starts its own if none runs there.
Exit code 1 if any step fails.`,
    load: () => import('./dev/demo.ts'),
  },
  conformance: {
    summary: 'tests any relay, or any client, against the protocol, and prints by section what fails',
    usage: `  keyrelay conformance --url URL [--json]
  keyrelay conformance client [--json] [--only WORDS] -- COMMAND ARG…

  --url URL    the relay to test, such as http://127.0.0.1:8080
  --json       one JSON object a line, for each case
  --only       of a client, only cases whose section or name has these words
  COMMAND      starts the client to test; {url}, {state} and {peer} in it are replaced (docs/clients.md)

Registers about seventy users at the relay, and takes half a minute, with a client as long. Shares no code with this relay or
its SDK. Sections are those of docs/protocol.md. Exit code 1 if a case does not hold.`,
    load: () => import('./conformance/conformance.ts'),
  },
  reopen: {
    summary: 'lets an account that has used protocol 2 use protocol 1 again (for operators)',
    usage: `  keyrelay reopen CODE

For a user who has lost the client for protocol 2, and tells you so in a way that you trust: from now on, anybody who has
ever seen a protocol 1 connect of this account can replay it. The next login by protocol 2 closes it again.
Needs RELAY_REDIS_URL, as the nodes have it. Exit code 1 if no user has this code.`,
    load: () => import('./reopen.ts'),
  },
  admin: ADMIN_COMMAND,
  ...PERSON_COMMANDS,
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}
