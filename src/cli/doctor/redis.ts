import type { LiveNode } from '../../engine/engine.ts';
import { SILENT } from '../../engine/observer.ts';
import { discovery, type Layout } from '../../engine/redis/cluster/discovery.ts';
import { formatAddress, parseDeployment } from '../../engine/redis/connection/address.ts';
import { Connection } from '../../engine/redis/connection/connection.ts';
import { createRedisEngine } from '../../engine/redis/engine.ts';
import { totalMaxMemory, usersDoNotFit } from '../../engine/redis/memory.ts';
import type { Config } from '../../ops/settings/config.ts';
import { examineAccess } from './access.ts';
import { bad, type Finding, good, poor } from './finding.ts';
import { examineServer, type Info } from './redis-server.ts';

const TIMEOUT_MS = 3_000;
const READY_MS = 6_000;
const POLL_MS = 50;

/** Every master that RELAY_REDIS_URL leads to, and whether a node can work with them. */
export async function examineRedis(config: Config): Promise<Finding[]> {
  if (config.redisUrls.length === 0) {
    return [
      poor(
        'RELAY_REDIS_URL is not set: one node, and nothing survives its end',
        'RELAY_REDIS_URL=redis://… for more than a trial',
      ),
    ];
  }
  const deployment = parseDeployment(config.redisUrls);
  let layout: Layout;
  try {
    layout = await (await discovery(deployment, TIMEOUT_MS)).discover([]);
  } catch (error) {
    const why = text(error);
    return [bad(`Redis: ${why}`, remedyFor(why))];
  }
  const findings: Finding[] = [];
  const infos: Info[] = [];
  for (const { address } of layout.masters) {
    let connection: Connection | null = null;
    try {
      connection = await Connection.open({ address, access: deployment.access, timeoutMs: TIMEOUT_MS });
      const inCluster = layout.masters.length > 1;
      const access = await examineAccess(connection, { config, access: deployment.access, inCluster });
      findings.push(...access);
      const server = await examineServer(connection, { config, access: deployment.access });
      findings.push(...server.findings);
      infos.push(server.info);
    } catch (error) {
      const why = text(error);
      findings.push(bad(`Redis ${formatAddress(address)}: ${why}`, remedyFor(why)));
    } finally {
      connection?.destroy('examined');
    }
  }
  if (infos.length === layout.masters.length) findings.push(...room(config, infos));
  findings.push(...(await work(config)));
  return findings;
}

/** Whether the users that may register fit into all masters together. */
function room({ maxUsers }: Config, infos: readonly Info[]): Finding[] {
  const wrong = usersDoNotFit(
    maxUsers,
    totalMaxMemory(infos.map((info) => Number(info.get('maxmemory') ?? 0))),
  );
  if (wrong === null) return [];
  return [
    poor(`Redis: ${wrong}`, 'a lower RELAY_MAX_USERS, or a higher maxmemory (docs/operations.md, Sizing)'),
  ];
}

/** Does what a node does at its start: scripts, a subscription, and a probe that comes back. */
async function work(config: Config): Promise<Finding[]> {
  const { redisUrls, redisWaitReplicas } = config;
  // What Redis said when it refused something: the state of the engine only tells what follows from it.
  const refusals = new Set<string>();
  const engine = createRedisEngine({
    urls: redisUrls,
    nodeId: `doctor-${process.pid}`,
    limits: config,
    waitReplicas: redisWaitReplicas,
    observer: {
      ...SILENT,
      log: (_level, _event, fields) => {
        if (fields !== undefined && 'reason' in fields) refusals.add(String(fields.reason));
      },
    },
  });
  const failed = (why: string) => {
    const all = [why, ...[...refusals].filter((refusal) => !why.includes(refusal))].join('; ');
    return bad(`Redis: ${all}`, remedyFor(all));
  };
  try {
    await engine.start();
    const deadline = performance.now() + READY_MS;
    while (!engine.health().ready && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const { ready, reason } = engine.health();
    if (!ready) return [failed(reason)];
    return [good('Redis: scripts run, and wake-ups come back'), ...liveNodes(await engine.liveNodes())];
  } catch (error) {
    return [failed(text(error))];
  } finally {
    await engine.close();
  }
}

/** What mends a refusal, by what it says; the first that fits. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|NOAUTH/,
    'the user and password of the ACL file in RELAY_REDIS_URL: redis://keyrelay:PASSWORD@host',
  ],
  [
    /NOPERM|no permissions|wake-ups/,
    'deploy/redis/keyrelay.acl is what the user of RELAY_REDIS_URL must be allowed',
  ],
  [/noeviction/, 'the command that it names'],
  [
    /certificate/i,
    'NODE_EXTRA_CA_CERTS=<file of the authority>, and a certificate for the name in RELAY_REDIS_URL',
  ],
  [/wrong version number|packet length/i, 'redis:// in RELAY_REDIS_URL: this port speaks no TLS'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name of the host in RELAY_REDIS_URL, or DNS'],
  [/is a replica/, 'the master in RELAY_REDIS_URL, or redis+sentinel://'],
  [/loading/, 'wait until it has read its file'],
];

function remedyFor(why: string): string {
  return REMEDIES.find(([pattern]) => pattern.test(why))?.[1] ?? 'start it, or mend RELAY_REDIS_URL';
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function liveNodes(nodes: readonly LiveNode[]): Finding[] {
  if (nodes.length === 0) return [good('Nodes: none lives on this Redis')];
  return nodes.map(({ id, address, version, since, sockets }) =>
    good(`Node ${id} lives: ${address}, version ${version}, since ${since}, ${sockets} sockets`),
  );
}
