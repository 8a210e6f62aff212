import { SILENT } from '../../engine/observer.ts';
import { discovery, type Layout } from '../../engine/redis/cluster/discovery.ts';
import { formatAddress, parseDeployment } from '../../engine/redis/connection/address.ts';
import { parseInfo } from '../../engine/redis/connection/checks.ts';
import { Connection } from '../../engine/redis/connection/connection.ts';
import { createRedisEngine } from '../../engine/redis/engine.ts';
import type { Config } from '../../ops/config.ts';
import { bad, type Finding, good, poor } from './finding.ts';

const TIMEOUT_MS = 3_000;
const READY_MS = 6_000;
const POLL_MS = 50;
const ROUND_TRIPS = 9;
const ROUND_TRIP_MS_MAX = 5;
/** Above it, delays between two clocks cannot be told from slowness. */
const CLOCK_MS_MAX = 100;
const FULL = 0.8;

/** The first release of each line in which scripts cannot break out (CVE-2025-49844). */
const REDIS_FIXED = ['7.2.11', '7.4.6', '8.0.4', '8.2.2'];
const VALKEY_FIXED = ['7.2.11', '8.0.6', '8.1.4'];

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
    const why = error instanceof Error ? error.message : String(error);
    return [bad(`Redis: ${why}`, 'start it, or mend RELAY_REDIS_URL')];
  }
  const findings: Finding[] = [];
  for (const { address } of layout.masters) {
    let connection: Connection | null = null;
    try {
      connection = await Connection.open({ address, access: deployment.access, timeoutMs: TIMEOUT_MS });
      findings.push(...(await examineServer(connection, config)));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      findings.push(
        bad(`Redis ${formatAddress(address)}: ${why}`, 'deploy/redis/keyrelay.acl is what it must allow'),
      );
    } finally {
      connection?.destroy('examined');
    }
  }
  findings.push(await work(config));
  return findings;
}

async function examineServer(connection: Connection, config: Config): Promise<Finding[]> {
  const info = parseInfo(String(await connection.send(['INFO'])));
  const name = `Redis ${connection.name}`;
  const cli = `redis-cli -h ${connection.host} -p ${connection.port}`;
  const number = (field: string) => Number(info.get(field) ?? Number.NaN);
  const set = (setting: string) => `${cli} CONFIG SET ${setting}, and the same in its redis.conf`;
  return [
    version(name, info),
    info.get('maxmemory_policy') === 'noeviction'
      ? good(`${name}: evicts nothing`)
      : bad(
          `${name}: maxmemory-policy ${info.get('maxmemory_policy')} throws mail away`,
          set('maxmemory-policy noeviction'),
        ),
    memory({ name, used: number('used_memory'), max: number('maxmemory'), set }),
    number('aof_enabled') === 1
      ? good(`${name}: keeps an append-only file`)
      : bad(`${name}: keeps no append-only file; a restart loses everything`, set('appendonly yes')),
    ...(number('aof_enabled') === 1 && info.get('aof_last_write_status') !== 'ok'
      ? [bad(`${name}: could not write its append-only file`, 'make room on its disk')]
      : []),
    replicas({ name, have: number('connected_slaves'), want: config.redisWaitReplicas }),
    ...(await distance(name, connection)),
  ];
}

function version(name: string, info: ReadonlyMap<string, string>): Finding {
  const valkey = info.get('valkey_version');
  const version = valkey ?? info.get('redis_version') ?? 'unknown';
  const says = `${name}: ${valkey === undefined ? 'Redis' : 'Valkey'} ${version}`;
  if (valkey === undefined && version.startsWith('7.0.')) {
    // That line ended before the fix; distributions carry it without a new number.
    return good(`${says} (with your distribution's security updates)`);
  }
  const line = (text: string) => text.split('.').slice(0, 2).join('.');
  const fixed = valkey === undefined ? REDIS_FIXED : VALKEY_FIXED;
  const needed = fixed.find((release) => line(release) === line(version));
  const patch = (text: string) => Number(text.split('.')[2]);
  if (needed === undefined || patch(version) >= patch(needed)) return good(says);
  // Distributions mend without a new number: what the server says does not decide it.
  const mend = `${needed} or newer, or your distribution's security update`;
  return poor(`${says}, by its number, lets scripts break out (CVE-2025-49844)`, mend);
}

function memory(facts: {
  readonly name: string;
  readonly used: number;
  readonly max: number;
  readonly set: (setting: string) => string;
}): Finding {
  const { name, used, max, set } = facts;
  if (max === 0) {
    return poor(
      `${name}: no maxmemory; the kernel ends it when memory runs out, instead of it refusing`,
      set('maxmemory <two thirds of its memory>'),
    );
  }
  const percent = Math.round((used / max) * 100);
  const says = `${name}: ${percent} % of its maxmemory used`;
  return used / max < FULL ? good(says) : poor(says, 'docs/runbook.md, KeyrelayRedisMemoryFull');
}

function replicas({ name, have, want }: { name: string; have: number; want: number }): Finding {
  const says = `${name}: ${have} replicas, RELAY_REDIS_WAIT_REPLICAS ${want}`;
  return have >= want
    ? good(says)
    : bad(`${says}: every envelope is refused`, 'more replicas, or a lower setting');
}

/** How far away it is, in time, and by its clock. */
async function distance(name: string, connection: Connection): Promise<Finding[]> {
  const trips: { readonly tripMs: number; readonly aheadMs: number }[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const startedMs = performance.now();
    const reply = await connection.send(['TIME']);
    const tripMs = performance.now() - startedMs;
    const [seconds, microseconds] = Array.isArray(reply) ? reply.map(String) : [];
    const storeMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    trips.push({ tripMs, aheadMs: storeMs - (Date.now() - tripMs / 2) });
  }
  const nearest = trips.reduce((best, trip) => (trip.tripMs < best.tripMs ? trip : best));
  const trip = `${name}: ${nearest.tripMs.toFixed(2)} ms away`;
  const ahead = Math.round(nearest.aheadMs);
  const clock = `${name}: its clock is ${Math.abs(ahead)} ms ${ahead < 0 ? 'behind' : 'ahead of'} this one`;
  return [
    nearest.tripMs <= ROUND_TRIP_MS_MAX
      ? good(trip)
      : poor(trip, 'every envelope and every receipt takes that long: one data centre for both'),
    Math.abs(ahead) <= CLOCK_MS_MAX
      ? good(clock)
      : poor(clock, 'chrony on both: delays are measured between the two (nothing else depends on it)'),
  ];
}

/** Does what a node does at its start: scripts, a subscription, and a probe that comes back. */
async function work(config: Config): Promise<Finding> {
  const { redisUrls, redisWaitReplicas } = config;
  const engine = createRedisEngine({
    urls: redisUrls,
    nodeId: `doctor-${process.pid}`,
    limits: config,
    waitReplicas: redisWaitReplicas,
    observer: SILENT,
  });
  const mend = 'deploy/redis/keyrelay.acl is what the user of RELAY_REDIS_URL must be allowed';
  try {
    await engine.start();
    const deadline = performance.now() + READY_MS;
    while (!engine.health().ready && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const { ready, reason } = engine.health();
    return ready ? good('Redis: scripts run, and wake-ups come back') : bad(`Redis: ${reason}`, mend);
  } catch (error) {
    return bad(`Redis: ${error instanceof Error ? error.message : String(error)}`, mend);
  } finally {
    await engine.close();
  }
}
