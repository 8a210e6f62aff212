import type { Connection } from './connection.ts';

/** A server that must not be used. The message says why, and what would mend it. */
export class ServerUnfit extends Error {}

/** Was a master, perhaps: another server may be one now. */
export class ServerIsReplica extends ServerUnfit {}

const VERSION_MIN = [7, 0] as const;

export interface ServerState {
  /** `maxmemory`; 0 if it has no limit. */
  readonly maxMemoryBytes: number;
  /** Whether it writes an append-only file. */
  readonly appends: boolean;
}

/**
 * Sharded channels and scripts with flags need Redis 7.0; mailboxes need a master that evicts nothing.
 * @throws ServerUnfit; Error while it is loading
 */
export async function checkServer(connection: Connection): Promise<ServerState> {
  const info = parseInfo(String(await connection.send(['INFO'])));
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    throw new ServerUnfit(`${connection.name} is Redis ${version}: 7.0 or newer is needed, or Valkey`);
  }
  if (info.get('loading') === '1') throw new Error(`${connection.name} is still loading its data`);
  if (info.get('role') !== 'master')
    throw new ServerIsReplica(`${connection.name} is a replica: name its master`);
  const policy = info.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new ServerUnfit(
      `${connection.name} may evict mailboxes: maxmemory-policy is ${policy}. ` +
        `Run \`redis-cli -h ${connection.host} -p ${connection.port} CONFIG SET maxmemory-policy noeviction\` ` +
        'and put it into its redis.conf',
    );
  }
  return { maxMemoryBytes: Number(info.get('maxmemory') ?? 0), appends: info.get('aof_enabled') === '1' };
}

/** Whether the server is a node of a Redis Cluster. */
export async function isClusterNode(connection: Connection): Promise<boolean> {
  return parseInfo(String(await connection.send(['INFO', 'cluster']))).get('cluster_enabled') === '1';
}

/** `name:value` lines. */
export function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  );
}
