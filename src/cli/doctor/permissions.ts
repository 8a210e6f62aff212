import { ACCESS } from '../../engine/redis/schema.ts';

/** Stands for the `*` of a pattern in examples: no user has this code. */
const EXAMPLE = '{doctor}';
const KEY = `user:${EXAMPLE}`;
const CHANNEL = `inbox:${EXAMPLE}`;

/** Not every deployment needs every command. */
type Need = 'always' | 'cluster' | 'replicas' | 'estimates';

/** One permission that nodes need, and a call that Redis refuses without it. */
export interface Permission {
  /** As an ACL rule: `+xadd`, `~from:*`, `&inbox:*`. */
  readonly rule: string;
  readonly need: Need;
  /** Command and arguments. */
  readonly call: readonly string[];
  /** Whether a script may make the call: a script that may not write then does not. */
  readonly inScript: boolean;
}

type CommandName = (typeof ACCESS.commands)[number];

/** Arguments of an example of each command. */
const ARGUMENTS: Readonly<Record<CommandName, readonly string[]>> = {
  hello: ['3'],
  auth: ['password'],
  ping: [],
  info: [],
  time: [],
  wait: ['0', '0'],
  'cluster|slots': [],
  'cluster|info': [],
  asking: [],
  eval: ['return 0', '0'],
  evalsha: ['0'.repeat(40), '0'],
  'script|load': ['return 0'],
  ssubscribe: [CHANNEL],
  sunsubscribe: [CHANNEL],
  spublish: [CHANNEL, ''],
  get: [KEY],
  set: [KEY, ''],
  incr: [KEY],
  decr: [KEY],
  del: [KEY],
  exists: [KEY],
  rename: [KEY, KEY],
  persist: [KEY],
  pexpire: [KEY, '1'],
  pexpireat: [KEY, '1'],
  hdel: [KEY, 'f'],
  hexists: [KEY, 'f'],
  hget: [KEY, 'f'],
  hincrby: [KEY, 'f', '1'],
  hkeys: [KEY],
  hlen: [KEY],
  hmget: [KEY, 'f'],
  hrandfield: [KEY],
  hscan: [KEY, '0'],
  hset: [KEY, 'f', ''],
  xadd: [KEY, '*', 'f', ''],
  xdel: [KEY, '0-1'],
  xlen: [KEY],
  xrange: [KEY, '-', '+'],
  xrevrange: [KEY, '+', '-'],
  xtrim: [KEY, 'MINID', '0'],
  zadd: [KEY, '1', 'm'],
  zcard: [KEY],
  zrange: [KEY, '0', '-1'],
  zrem: [KEY, 'm'],
  zremrangebyscore: [KEY, '1', '0'],
  zscore: [KEY, 'm'],
  dbsize: [],
  randomkey: [],
  scan: ['0'],
};

const NEEDS: Partial<Record<CommandName, Need>> = {
  wait: 'replicas',
  'cluster|slots': 'cluster',
  'cluster|info': 'cluster',
  asking: 'cluster',
  dbsize: 'estimates',
  randomkey: 'estimates',
};

const named = (pattern: string) => pattern.replace('*', EXAMPLE);

/** All of `ACCESS`. */
export const PERMISSIONS: readonly Permission[] = [
  ...ACCESS.commands.map((name) => ({
    rule: `+${name}`,
    need: NEEDS[name] ?? ('always' as const),
    call: [...name.split('|'), ...ARGUMENTS[name]],
    inScript: ARGUMENTS[name][0] === KEY || name === 'spublish',
  })),
  ...ACCESS.keys.map((pattern) => ({
    rule: `~${pattern}`,
    need: 'always' as const,
    call: ['set', named(pattern), ''],
    inScript: true,
  })),
  ...ACCESS.channels.map((pattern) => ({
    rule: `&${pattern}`,
    need: 'always' as const,
    call: ['spublish', named(pattern), ''],
    inScript: true,
  })),
];
