import { readFileSync } from 'node:fs';
import { awsLcProblem, verifier } from '../../crypto/verifier.ts';
import type { Config } from '../../ops/settings/config.ts';
import { loadUws } from '../../relay/transport/uws.ts';
import { bad, type Finding, good, poor } from './finding.ts';

/** Beside sockets of clients: Redis, the admin port, files. */
const OTHER_FILES = 200;
/** New connections that the kernel keeps until the node accepts them: after a restart, all clients come at once. */
const SOMAXCONN_MIN = 1024;

/** What a node needs of the machine that this runs on. */
export function examineMachine(config: Config): Finding[] {
  return [runtime(), verifying(), files(config), backlog(), ...redisHere(config)];
}

function runtime(): Finding {
  try {
    return good(`Node ${process.versions.node}: ${loadUws().build} loads`);
  } catch (error) {
    return bad(
      error instanceof Error ? error.message : String(error),
      'a Node.js and a system of the table in README.md, Requirements',
    );
  }
}

function verifying(): Finding {
  const says = `signatures are verified by ${verifier.library}`;
  if (awsLcProblem === null) return good(says);
  return poor(
    `${says}, because AWS-LC does not load: ${awsLcProblem}`,
    'npm run build:verify, or delete the file',
  );
}

function files({ maxSockets }: Config): Finding {
  const line = /^Max open files +(\d+|unlimited)/m.exec(readText('/proc/self/limits') ?? '')?.[1];
  if (line === undefined) return poor('open files: the limit is not known here', 'look at `ulimit -n`');
  const limit = line === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line);
  const says = `open files: ${line}, for RELAY_MAX_SOCKETS ${maxSockets}`;
  if (limit >= maxSockets + OTHER_FILES) return good(says);
  return bad(
    says,
    `ulimit -n ${maxSockets + OTHER_FILES}, LimitNOFILE= in a unit, or a lower RELAY_MAX_SOCKETS`,
  );
}

function backlog(): Finding {
  const value = Number(readText('/proc/sys/net/core/somaxconn') ?? Number.NaN);
  const says = `new connections in the kernel's queue (net.core.somaxconn): ${value}`;
  return value >= SOMAXCONN_MIN ? good(says) : poor(says, 'sysctl -w net.core.somaxconn=4096');
}

/** Settings of the kernel for Redis, if it runs on this machine. */
function redisHere({ redisUrls }: Config): Finding[] {
  if (!redisUrls.some((url) => /[/@](127\.\d+\.\d+\.\d+|localhost|\[::1\])/.test(url))) return [];
  const overcommit = Number(readText('/proc/sys/vm/overcommit_memory') ?? Number.NaN);
  const says = `memory for the copy that Redis makes to rewrite its file (vm.overcommit_memory): ${overcommit}`;
  const pages = /\[(\w+)\]/.exec(readText('/sys/kernel/mm/transparent_hugepage/enabled') ?? '')?.[1];
  return [
    overcommit === 1 ? good(says) : poor(says, 'sysctl -w vm.overcommit_memory=1'),
    ...(pages === 'always'
      ? [
          poor(
            'transparent huge pages are on: Redis stalls while it rewrites its file',
            'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
          ),
        ]
      : []),
  ];
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
