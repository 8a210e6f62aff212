import type { Access } from '../../engine/redis/connection/address.ts';
import type { Connection } from '../../engine/redis/connection/connection.ts';
import type { Config } from '../../ops/settings/config.ts';
import { bad, type Finding, good, poor } from './finding.ts';
import { PERMISSIONS, type Permission } from './permissions.ts';
import { administrator } from './redis-cli.ts';

/**
 * Makes a call as the user of this connection and changes nothing: Redis checks permissions first, and then refuses
 * that a script of this kind writes.
 */
const WITHOUT_WRITING = '#!lua flags=no-writes\nreturn redis.pcall(unpack(ARGV))';

/** Whether the user of RELAY_REDIS_URL may do all that a node does, and is more than an open door. */
export async function examineAccess(
  connection: Connection,
  {
    config,
    access,
    inCluster,
  }: { readonly config: Config; readonly access: Access; readonly inCluster: boolean },
): Promise<Finding[]> {
  const name = `Redis ${connection.name}`;
  const user = access.username ?? 'default';
  const needed = PERMISSIONS.filter(({ need }) => {
    if (need === 'cluster') return inCluster;
    return need === 'replicas' ? config.redisWaitReplicas > 0 : true;
  });
  const missing: Permission[] = [];
  const refusals = new Set<string>();
  for (const permission of needed) {
    const refusal = await refusalOf(connection, user, permission);
    if (refusal === null) continue;
    missing.push(permission);
    refusals.add(refusal);
  }
  return [
    ...openDoor(connection, access),
    ...permissions({ name, user, missing, refusals, connection, access }),
  ];
}

function permissions(options: {
  readonly name: string;
  readonly user: string;
  readonly missing: readonly Permission[];
  readonly refusals: ReadonlySet<string>;
  readonly connection: Connection;
  readonly access: Access;
}): Finding[] {
  const { name, user, missing, refusals, connection, access } = options;
  if (missing.length === 0) return [good(`${name}: ${user} may do all that a node does`)];
  const mend = (rules: readonly Permission[]) =>
    `${administrator(connection, access)} ACL SETUSER ${user} ${rules.map(({ rule }) => `'${rule}'`).join(' ')}, and the ` +
    'same in its ACL file (deploy/redis/keyrelay.acl)';
  // Without these two, only two metrics are missing.
  const estimates = missing.filter(({ need }) => need === 'estimates');
  const others = missing.filter(({ need }) => need !== 'estimates');
  const list = (rules: readonly Permission[]) => rules.map(({ rule }) => rule).join(' ');
  const [first = ''] = refusals;
  return [
    ...(others.length > 0 ? [bad(`${name}: ${user} lacks ${list(others)} (${first})`, mend(others))] : []),
    ...(estimates.length > 0
      ? [poor(`${name}: ${user} lacks ${list(estimates)}: waiting mail is not estimated`, mend(estimates))]
      : []),
  ];
}

/** What Redis says against it; null if it is allowed. */
async function refusalOf(
  connection: Connection,
  user: string,
  permission: Permission,
): Promise<string | null> {
  const { call, inScript } = permission;
  const told = await answer(connection, ['ACL', 'DRYRUN', user, ...call]);
  if (told.error === null) return told.reply === 'OK' ? null : refusal(permission, told.reply);
  // A user who may not ask tries: Redis checks the same, and nothing is done.
  // This very connection has greeted and logged in; it would be another one as a subscriber.
  if (/^(hello|auth|ssubscribe|sunsubscribe)$/.test(call[0] ?? '')) return null;
  const tried = await answer(connection, inScript ? ['EVAL', WITHOUT_WRITING, '0', ...call] : call);
  return tried.error === null ? null : refusal(permission, tried.error);
}

/**
 * How Redis names what is missing, by how the rule begins: 7.2 and newer (8 begins with a capital letter), and 7.0 in a
 * script. A command on a key that is not allowed lacks the key.
 */
const MISSING: Readonly<Record<string, RegExp>> = {
  '+': /no permissions to run|can't run this command/i,
  '~': /no permissions to access .*key|can't access at least one of the keys/i,
  '&': /no permissions to access .*channel|can't publish to the channel/i,
};

function refusal({ rule }: Permission, text: string): string | null {
  return MISSING[rule.charAt(0)]?.test(text) === true ? text : null;
}

async function answer(
  connection: Connection,
  command: readonly string[],
): Promise<{ readonly error: null; readonly reply: string } | { readonly error: string }> {
  try {
    return { error: null, reply: String(await connection.send(command)) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Beyond this machine, what protects mail from whatever else is on the network. */
function openDoor({ name, host }: Connection, { password, tls }: Access): Finding[] {
  if (/^(127\.|localhost$|::1$)/.test(host)) return [];
  return [
    ...(password === null
      ? [
          bad(
            `Redis ${name}: no password, beyond this machine: whatever reaches it can read and delete all mail`,
            'the users of deploy/redis/keyrelay.acl, and RELAY_REDIS_URL=redis://keyrelay:PASSWORD@…',
          ),
        ]
      : []),
    ...(tls
      ? []
      : [
          poor(
            `Redis ${name}: no TLS, beyond this machine: who writes to whom, and the password, cross the network readably`,
            'tls-port in its redis.conf, and rediss:// in RELAY_REDIS_URL; or a network that is yours alone',
          ),
        ]),
  ];
}
