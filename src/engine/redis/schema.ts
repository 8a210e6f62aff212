/**
 * What stands in Redis. Everything of one user shares the hash tag {CODE}, and so a slot; one script is one step. A script
 * declares one key, `user:{CODE}`, and derives the others: see lua/keys.lua.
 *
 *   user:{CODE}             hash    the account, its session, the state of its mailbox   create, register, claim, deliver …
 *     last confirmed count total base oldest expired aside               the mailbox: see lua/mailbox/mailbox.lua
 *     epoch token node history                                           the session; token '' without one
 *     ended                                                              ms, when the last session ended; absent before
 *     unconfirmed                                                        `<id> <tries> <too big> <timeouts>`: release, claim
 *     guard blocks requests                                              which senders the user hears: see lua/people/guard.lua
 *     claimed min_protocol settled pending id name ecdh eddsa created    the account; eddsa exists if the user does
 *     proof_r proof_s                                                    the proof, in two halves; absent without one
 *     prekeys                                                            of the batch: see lua/prekeys/state.lua
 *     announced                                                          the epoch of the login since which he was noted
 *                                                                        in away:{tag}; absent if he was not
 *     banned ban_reason                                                  of a ban: until when (us; 0 for ever), why
 *     gone key                                                           alone: a deleted account (us); its key for a moment
 *     TTL: none once claimed or deleted; 30 days while unclaimed; 60 s while the registration is incomplete (pending 1)
 *   inbox:{CODE}            stream  entries `<us>-<tag>`: f frame, t byte total, s sender      deliver
 *     removed by claim, read, confirm, dead-letter
 *     TTL: 1 to 1.25 of RELAY_MAILBOX_TTL from the newest entry; deleted when empty
 *   inbox:{CODE}            sharded channel  `w<id> <prev>\n<frame>`, `c<token>`               deliver, claim, reclaim
 *   shares:{CODE}           hash    what waits, by sender: see lua/mailbox/shares.lua                  deliver
 *     reduced by claim, read, confirm, dead-letter
 *     TTL: as the stream; deleted when little waits
 *   from:{CODE}:<sender>    string  epoch:number:codes, the order fence                        deliver
 *     TTL: 2 min
 *   seen:{CODE}:0 and :1    hash    <sender>:<id> -> digest; at most 10,000 each               deliver
 *     by the parity of the 10-minute period; TTL: to the end of the next period
 *   people:{CODE}           hash    code -> b blocked, k known, bk both           people/block, unblock, policy, acquaint
 *     TTL: none; at most RELAY_MAX_BLOCKS blocked and 10,000 known
 *   prekeys:{CODE}          string  a batch of keys for first messages: see prekeys/batch.ts   prekeys/publish
 *     TTL: none; 1,888 bytes
 *   claims:{CODE}           hash    code -> us:generation:index:id: who got which of them      prekeys/claim
 *     TTL: a day from the newest; at most 200
 *   unheard:{CODE}          hash    code -> since:envelopes:bytes:asked: see lua/people/hearing.lua   deliver
 *     TTL: 30 days from the newest; at most 1,000
 *   away:{tag}              zset    CODE -> ms: users to wake, see lua/announcements/announce.lua    deliver, release, announcements/*
 *     one for each slot of a Cluster, otherwise one; TTL: RELAY_MAILBOX_TTL from the newest; only with RELAY_WAKE_URL
 *   away:{tag}:push         zset    the same, of users with subscriptions; only with RELAY_PUSH_VAPID_KEY
 *   push:{CODE}             hash    <id> -> `<us> <endpoint> <p256dh> <auth>`: where the user is pushed to     push/*
 *     id: 16 digits of SHA-256 of the endpoint. TTL: 90 days from the newest; at most 5
 *   poison:{CODE}           stream  dead letters: id, why, f (or entry), sender, envelope; the last 16           dead-letter
 *     TTL: RELAY_MAILBOX_TTL from the newest
 *   key:<eddsa>             string  CODE; readers compare the user's key               accounts.ts, settle-key, drop-key
 *     TTL: 30 days and a minute; none once the account is claimed
 *   user:next-id            string  the last number given                                      reserve
 *   {user:next-id}:unclaimed  zset  CODE -> ms of its expiry: places taken for a while         reserve, settle-count
 *   {user:next-id}:leaving  zset  CODE -> ms: deletions under way                accounts/intend, forget
 *   {user:next-id}:claimed  string  how many accounts never expire                             settle-count
 *   {invites}:<id>          hash    an invitation: hash uses left pending note created expires  invitations/create, take
 *     hash: SHA-256 of the token; <id>: its first 16 digits. TTL: to its expiry, or none; deleted when revoked
 *   {invites}:<id>:taken    zset    p<eddsa> a use that is taken, u<eddsa> one that was used -> us   invitations/take, settle
 *     TTL: as the invitation; 2 min once none of its uses is under way
 *   {invites}:all           zset    <id> -> us of its creation          invitations/create, list, revoke
 *   relay:settings          hash    RELAY_… -> value: settings changed at run time             operators/control.ts
 *   relay:drain:<node>      string  an operator has asked the node to stop. TTL: 60 s          operators/control.ts
 *   relay:secret            string  64 hex digits that all nodes share                         operators/control.ts
 *   relay:sweeper           string  the node that sweeps; TTL: 30 s after its last step        accounts/sweeper.ts
 *   relay:audit             stream  what operators did; the last 10,000 lines                  operators/audit.ts
 *   relay:{reports}         zset    JSON of a report -> us                                     operators/report
 *     TTL: 90 days; the last 500
 *   relay:{reports}:CODE    string  this user has just filed one; TTL: a minute                 operators/report
 *   probe:{n}:<node>        sharded channel  nonces of a node's probe                          probe
 *   node:<node>             string  JSON: address, version, since, sockets of a live node      presence.ts
 *     TTL: 30 s after its last heartbeat
 *   node::live              zset    <node> -> ms of its expiry                                 heartbeat
 *     TTL: as above
 */

import { SLOTS, slotOf } from './cluster/slots.ts';

export const userKey = (code: string): string => `user:{${code}}`;
/** The inverse of `userKey`. */
export const codeOfUser = (name: string): string => name.slice('user:{'.length, -1);
/** The stream, and the name of its sharded channel. */
export const inboxKey = (code: string): string => `inbox:{${code}}`;
/** The user whose mailbox channel has this name: the inverse of `inboxKey`. */
export const codeOfInbox = (name: string): string => name.slice('inbox:{'.length, -1);
/** What every mailbox key, and no other, begins with. */
export const INBOX_PREFIX = 'inbox:{';
/**
 * `of`: the key in which a user is noted as away, on the slot of that user. `all` of them: by the shortest numbers with
 * these slots; without a Cluster one will do.
 */
export function awayKeys(isCluster: boolean): {
  readonly of: (code: string) => string;
  readonly all: readonly string[];
} {
  const keyAt = (tag: number) => `away:{${tag}}`;
  if (!isCluster) return { of: () => keyAt(0), all: [keyAt(0)] };
  const bySlot = new Map<number, string>();
  for (let tag = 0; bySlot.size < SLOTS; tag += 1) {
    const slot = slotOf(keyAt(tag));
    if (!bySlot.has(slot)) bySlot.set(slot, keyAt(tag));
  }
  return { of: (code) => bySlot.get(slotOf(userKey(code))) ?? keyAt(0), all: [...bySlot.values()] };
}
/** `away` of users with subscriptions. */
export const awayPushKey = (away: string): string => `${away}:push`;
export const pushKey = (code: string): string => `push:{${code}}`;
export const deadLetterKey = (code: string): string => `poison:{${code}}`;
const fenceKey = (recipient: string, sender: string): string => `from:{${recipient}}:${sender}`;

/** The keys that a user may have beside `user:{CODE}`, without order fences. */
export const keysBesideUser = (code: string): readonly string[] => [
  inboxKey(code),
  `shares:{${code}}`,
  `seen:{${code}}:0`,
  `seen:{${code}}:1`,
  `people:{${code}}`,
  `unheard:{${code}}`,
  pushKey(code),
  `prekeys:{${code}}`,
  `claims:{${code}}`,
  deadLetterKey(code),
];
/** The same, with the order fence of one sender. */
export const keysBesideRecipient = (code: string, sender: string): readonly string[] => [
  ...keysBesideUser(code),
  fenceKey(code, sender),
];

export const keyRecord = (eddsaPublicKey: string): string => `key:${eddsaPublicKey}`;
export const NEXT_ID = 'user:next-id';
/** Deletions under way. */
export const LEAVING = `{${NEXT_ID}}:leaving`;
export const keysBesideNextId = (): readonly string[] => [
  `{${NEXT_ID}}:unclaimed`,
  LEAVING,
  `{${NEXT_ID}}:claimed`,
];

export const INVITATIONS = '{invites}:all';
export const invitationKey = (id: string): string => `{invites}:${id}`;
export const keysBesideInvitation = (id: string): readonly string[] => [
  INVITATIONS,
  `${invitationKey(id)}:taken`,
];

export const CHANGED_SETTINGS = 'relay:settings';
export const drainKey = (nodeId: string): string => `relay:drain:${nodeId}`;
export const SECRET = 'relay:secret';
export const AUDIT = 'relay:audit';
export const REPORTS = 'relay:{reports}';
export const keysBesideReports = (reporter: string): readonly string[] => [`${REPORTS}:${reporter}`];
export const SWEEPER = 'relay:sweeper';

const PROBE_PREFIX = 'probe:';
/** The hash tag comes first, so that nothing in a node's name can be taken for one. */
export const probeChannel = (number: number, nodeId: string): string =>
  `${PROBE_PREFIX}{${number}}:${nodeId}`;
export const isProbeChannel = (name: Buffer): boolean =>
  name.toString('latin1', 0, PROBE_PREFIX.length) === PROBE_PREFIX;

export const nodeKey = (nodeId: string): string => `node:${nodeId}`;
/** Not the key of any node: ids begin with a letter or a digit. */
export const LIVE_NODES = 'node::live';

/**
 * All that a node asks of Redis, by its own commands and in scripts: what an ACL must allow (deploy/redis/keyrelay.acl).
 * At sentinels: SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL MASTER.
 */
export const ACCESS = {
  keys: [
    'user:*',
    '{user:next-id}:*',
    '{invites}:*',
    'inbox:*',
    'from:*',
    'seen:*',
    'shares:*',
    'people:*',
    'unheard:*',
    'push:*',
    'prekeys:*',
    'claims:*',
    'away:*',
    'poison:*',
    'key:*',
    'node:*',
    'relay:*',
    'probe:*',
  ],
  channels: ['inbox:*', 'probe:*'],
  commands: [
    // Connections.
    ...['hello', 'auth', 'ping', 'info', 'time'],
    // With RELAY_REDIS_WAIT_REPLICAS.
    'wait',
    // In a Cluster.
    ...['cluster|slots', 'cluster|info', 'asking'],
    ...['eval', 'evalsha', 'script|load', 'ssubscribe', 'sunsubscribe', 'spublish'],
    ...['get', 'set', 'incr', 'decr', 'del', 'exists', 'rename', 'persist', 'pexpire', 'pexpireat'],
    ...['hdel', 'hexists', 'hget', 'hincrby', 'hkeys', 'hlen', 'hmget', 'hrandfield', 'hscan', 'hset'],
    ...['xadd', 'xdel', 'xlen', 'xrange', 'xrevrange', 'xtrim'],
    ...['zadd', 'zcard', 'zrange', 'zrem', 'zremrangebyscore', 'zscore'],
    // The estimate of waiting mail (mailbox-sampler.ts).
    ...['dbsize', 'randomkey'],
    // Pages of users for operators.
    'scan',
  ],
} as const;
