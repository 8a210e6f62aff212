import { generateKeyPairSync } from 'node:crypto';
import { UsageError } from '../command.ts';
import type { Request } from './ask.ts';

/** Options that a command may have; their values are checked where they are used. */
export type Values = Readonly<Record<string, string | undefined>>;

/** Answered here: no relay is asked. */
interface Local {
  readonly answer: object;
}

/** One command of `keyrelay admin`. */
export interface Action {
  /** What stands behind it, in order. */
  readonly positionals?: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly means: string;
  readonly request: (positionals: readonly string[], values: Values) => Request | Local;
  /** Said to people after an answer without a body. */
  readonly done?: string;
}

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `90s`, `15m`, `12h`, `7d`, `2w` → seconds. */
function duration(option: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS_S[unit] ?? 0);
  if (seconds === 0)
    throw new UsageError(`--${option} is a time such as 90s, 15m, 12h, 7d or 2w, not ${text}`);
  return seconds;
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--${option} is a number from 1 up, not ${text}`);
  return number;
}

/** RFC 8292: the private key is RELAY_PUSH_VAPID_KEY. */
function vapidKeys(): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return { private_key: d, public_key: point.toString('base64url') };
}

const part = encodeURIComponent;
const user = (code: string | undefined) => `/v1/users/${part(code ?? '')}`;
const KEY = /^[0-9a-fA-F]{64}$/;

/** Every command, by its words. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  'invite create': {
    means: 'makes an invitation and shows its token, once',
    options: {
      uses: 'N: how many may come by it (1)',
      expires: '7d: after this time it is refused, or never (7d)',
      note: 'TEXT: for your lists',
    },
    request: (_, { uses = '1', expires = '7d', note = '' }) => ({
      method: 'POST',
      path: '/v1/invitations',
      body: {
        uses: count('uses', uses),
        expires_in_s: expires === 'never' ? null : duration('expires', expires),
        note,
      },
    }),
  },
  'invite list': {
    means: 'shows the invitations, the newest first',
    request: () => ({ method: 'GET', path: '/v1/invitations' }),
  },
  'invite revoke': {
    means: 'ends an invitation; those who came by it stay',
    positionals: ['ID'],
    request: ([id = '']) => ({ method: 'DELETE', path: `/v1/invitations/${part(id)}` }),
    done: 'revoked',
  },
  'user list': {
    means: 'shows all users, in no order',
    request: () => ({ method: 'GET', path: '/v1/users' }),
  },
  'user find': {
    means: 'finds the user with an Ed25519 key',
    positionals: ['KEY'],
    request: ([key = '']) => {
      if (!KEY.test(key)) throw new UsageError('KEY is an Ed25519 public key, 64 hex digits');
      return { method: 'GET', path: '/v1/users', query: { key } };
    },
  },
  'user show': {
    means: 'shows what there is to know about a user',
    positionals: ['CODE'],
    request: ([code]) => ({ method: 'GET', path: user(code) }),
  },
  'user create': {
    means: 'registers a user, whatever RELAY_REGISTRATION says',
    positionals: ['ED25519-KEY', 'X25519-KEY'],
    options: { name: 'TEXT: shown to others' },
    request: ([eddsa = '', ecdh = ''], { name }) => ({
      method: 'POST',
      path: '/v1/users',
      body: { eddsa_public_key: eddsa, ecdh_public_key: ecdh, ...(name === undefined ? {} : { name }) },
    }),
  },
  'user ban': {
    means: 'ends the session, and refuses logins and mail',
    positionals: ['CODE'],
    options: { for: '7d: for how long (for ever)' },
    request: ([code], values) => ({
      method: 'PUT',
      path: `${user(code)}/ban`,
      body: { for_s: values.for === undefined ? null : duration('for', values.for) },
    }),
    done: 'banned',
  },
  'user unban': {
    means: 'ends a ban',
    positionals: ['CODE'],
    request: ([code]) => ({ method: 'DELETE', path: `${user(code)}/ban` }),
    done: 'not banned any more',
  },
  'user disconnect': {
    means: 'ends the session; the user may log in again at once',
    positionals: ['CODE'],
    request: ([code]) => ({ method: 'POST', path: `${user(code)}/disconnect` }),
    done: 'disconnected',
  },
  'user delete': {
    means: 'deletes a user with all that waits; the code is never given again',
    positionals: ['CODE'],
    request: ([code]) => ({ method: 'DELETE', path: user(code) }),
    done: 'deleted',
  },
  'mailbox purge': {
    means: 'deletes everything that waits for a user',
    positionals: ['CODE'],
    request: ([code]) => ({ method: 'DELETE', path: `${user(code)}/mailbox` }),
  },
  'node list': {
    means: 'shows the nodes that live',
    request: () => ({ method: 'GET', path: '/v1/nodes' }),
  },
  'node drain': {
    means: 'stops a node as SIGTERM does, within seconds',
    positionals: ['NODE'],
    request: ([node = '']) => ({ method: 'POST', path: `/v1/nodes/${part(node)}/drain` }),
    done: 'asked to drain',
  },
  'dead-letter list': {
    means: 'shows whose mailboxes held what could never be delivered',
    request: () => ({ method: 'GET', path: '/v1/dead-letters' }),
  },
  'dead-letter show': {
    means: 'shows the dead letters of a user',
    positionals: ['CODE'],
    request: ([code = '']) => ({ method: 'GET', path: `/v1/dead-letters/${part(code)}` }),
  },
  'dead-letter drop': {
    means: 'drops one',
    positionals: ['CODE', 'ID'],
    request: ([code = '', id = '']) => ({
      method: 'DELETE',
      path: `/v1/dead-letters/${part(code)}/${part(id)}`,
    }),
    done: 'dropped',
  },
  'limits show': {
    means: 'shows the settings that can change at run time',
    request: () => ({ method: 'GET', path: '/v1/limits' }),
  },
  'limits set': {
    means: 'changes one for all nodes, over restarts: RELAY_REGISTRATION invite',
    positionals: ['NAME', 'VALUE'],
    request: ([name = '', value = '']) => ({
      method: 'PUT',
      path: `/v1/limits/${part(name)}`,
      body: { value },
    }),
    done: 'set; every node has it within seconds',
  },
  'limits unset': {
    means: "takes that back: each node's own setting holds again",
    positionals: ['NAME'],
    request: ([name = '']) => ({ method: 'DELETE', path: `/v1/limits/${part(name)}` }),
    done: "each node's own setting holds again",
  },
  vapid: {
    means: 'makes the keys by which push services know your relay (docs/waking.md); asks no relay',
    request: () => ({ answer: vapidKeys() }),
  },
  'report list': {
    means: 'shows what users reported of others, the newest first; --json shows the envelopes',
    request: () => ({ method: 'GET', path: '/v1/reports' }),
  },
  audit: {
    means: 'shows what operators did, the newest first',
    request: () => ({ method: 'GET', path: '/v1/audit' }),
  },
};
