import type { Access } from '../../engine/redis/connection/address.ts';
import { parseInfo } from '../../engine/redis/connection/checks.ts';
import type { Connection } from '../../engine/redis/connection/connection.ts';
import type { Config } from '../../ops/settings/config.ts';
import { bad, type Finding, good, poor } from './finding.ts';
import { administrator } from './redis-cli.ts';

const ROUND_TRIPS = 9;
const ROUND_TRIP_MS_MAX = 5;
/** Above it, delays between two clocks cannot be told from slowness. */
const CLOCK_MS_MAX = 100;
const FULL = 0.8;
/** Of a machine: the rest is for the copy that a rewrite of the file makes. */
const MAXMEMORY_SHARE = 2 / 3;

/** The first release of each line in which scripts cannot break out (CVE-2025-49844). */
const REDIS_FIXED = ['7.2.11', '7.4.6', '8.0.4', '8.2.2'];
const VALKEY_FIXED = ['7.2.11', '8.0.6', '8.1.4'];

/** What `INFO` told of one master, by field. */
export type Info = ReadonlyMap<string, string>;

/** One master: its version, whether it keeps what it accepts, how much room it has, how far away it is. */
export async function examineServer(
  connection: Connection,
  { config, access }: { readonly config: Config; readonly access: Access },
): Promise<{ readonly findings: readonly Finding[]; readonly info: Info }> {
  const info = parseInfo(String(await connection.send(['INFO'])));
  const name = `Redis ${connection.name}`;
  const number = (field: string) => Number(info.get(field) ?? Number.NaN);
  const set = (setting: string) =>
    `${administrator(connection, access)} CONFIG SET ${setting}, and the same in its redis.conf`;
  const findings = [
    version(name, info),
    info.get('maxmemory_policy') === 'noeviction'
      ? good(`${name}: evicts nothing`)
      : bad(
          `${name}: maxmemory-policy ${info.get('maxmemory_policy')} throws mail away`,
          set('maxmemory-policy noeviction'),
        ),
    memory({ name, number, set }),
    ...(await persistence({ name, info, connection, set })),
    replicas({ name, have: number('connected_slaves'), want: config.redisWaitReplicas }),
    ...(await distance(name, connection)),
  ];
  return { findings, info };
}

async function persistence(options: {
  readonly name: string;
  readonly info: Info;
  readonly connection: Connection;
  readonly set: (setting: string) => string;
}): Promise<Finding[]> {
  const { name, info, connection, set } = options;
  if (info.get('aof_enabled') !== '1') {
    return [bad(`${name}: keeps no append-only file; a restart loses everything`, set('appendonly yes'))];
  }
  // Only an administrator may ask.
  const config = await connection.send(['CONFIG', 'GET', 'appendfsync']).catch(() => null);
  const policy = Array.isArray(config) ? String(config[1]) : null;
  const file = `${name}: keeps an append-only file`;
  return [
    policy === 'no'
      ? poor(
          `${file}, with appendfsync no: a power cut takes up to half a minute of accepted envelopes`,
          set('appendfsync everysec'),
        )
      : good(
          policy === null
            ? `${file} (this user may not see appendfsync: everysec or always, please)`
            : `${file}, appendfsync ${policy}`,
        ),
    ...(info.get('aof_last_write_status') === 'ok'
      ? []
      : [
          bad(
            `${name}: could not write its append-only file`,
            'make room on its disk (docs/runbook.md, KeyrelayDiskFilling)',
          ),
        ]),
  ];
}

function version(name: string, info: Info): Finding {
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

function memory(options: {
  readonly name: string;
  readonly number: (field: string) => number;
  readonly set: (setting: string) => string;
}): Finding {
  const { name, number, set } = options;
  const [used, max] = [number('used_memory'), number('maxmemory')];
  if (max === 0) {
    const megabytes = Math.floor((number('total_system_memory') * MAXMEMORY_SHARE) / 2 ** 20);
    return poor(
      `${name}: no maxmemory; the kernel ends it when memory runs out, instead of it refusing`,
      `if it has its machine for itself: ${set(`maxmemory ${megabytes}mb`)}`,
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
    : bad(
        `${says}: every envelope is refused`,
        'start the replicas that are missing (INFO replication at the master), or lower RELAY_REDIS_WAIT_REPLICAS',
      );
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
