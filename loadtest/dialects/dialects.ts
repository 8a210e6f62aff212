import { createHmac } from 'node:crypto';
import WebSocket from 'ws';
import type { PlainUser } from '../../test/support/plain/users.ts';
import { NATS } from './nats.ts';
import type { Dialect } from './session.ts';
import { type TextProtocol, TextSession } from './text.ts';

/** Signs the tokens that Centrifugo's clients log in with. */
export const CENTRIFUGO_TOKEN_KEY = 'compared on this machine only';
const TOKEN_LIFETIME_S = 3_600;

/** Of centrifuge, by JSON: `{}` is ping and pong; what a server writes at once is lines of one frame. */
const CENTRIFUGE = {
  answer: (text) => (text === '{}' ? '{}' : null),
  isReady: (text) => text.includes('"connect"'),
  separator: '\n',
} as const satisfies Omit<TextProtocol, 'hello'>;

export const DIALECTS = {
  /** Engine.IO 4 and Socket.IO 5 as documented: `0` open, `40` connect, `42` event, `2` ping, `3` pong. */
  socketio: {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    session: texts({
      hello: () => null,
      answer: (text, user) => {
        if (text.startsWith('0')) return `40${JSON.stringify({ code: user.code, key: user.eddsaPublicKey })}`;
        return text === '2' ? '3' : null;
      },
      isReady: (text) => text.startsWith('40'),
      separator: null,
    }),
    wrap: (frame, { recipient }) => `42["envelope","${recipient}",${frame}]`,
  },
  /** SocketCluster's protocol, version 2: numbered calls, answers by `rid`, an empty message as ping and pong. */
  socketcluster: {
    path: (user) => `/socketcluster/?key=${user.eddsaPublicKey}`,
    session: texts({
      hello: () => '{"event":"#handshake","data":{"authToken":null},"cid":1}',
      answer: (text, user) => {
        if (text === '') return '';
        return text.startsWith('{"rid":1,')
          ? `{"event":"#subscribe","data":{"channel":"${user.code}"},"cid":2}`
          : null;
      },
      isReady: (text) => text.startsWith('{"rid":2'),
      separator: null,
    }),
    wrap: (frame, { recipient }) => `{"event":"#publish","data":{"channel":"${recipient}","data":${frame}}}`,
  },
  plain: {
    path: (user) => `/?code=${user.code}&key=${user.eddsaPublicKey}`,
    session: texts({
      hello: () => null,
      answer: () => null,
      isReady: (text) => text.includes('ready'),
      separator: null,
    }),
    wrap: (frame) => frame,
  },
  centrifuge: {
    path: () => '/ws',
    session: texts({
      ...CENTRIFUGE,
      hello: (user) => JSON.stringify({ id: 1, connect: { data: user.code } }),
    }),
    wrap: (frame, { recipient }) => `{"id":2,"publish":{"channel":"${recipient}","data":${frame}}}`,
  },
  /** The server subscribes each user to their personal channel, `personal:#CODE`. */
  centrifugo: {
    path: () => '/connection/websocket',
    session: texts({
      ...CENTRIFUGE,
      hello: (user) => JSON.stringify({ id: 1, connect: { token: tokenOf(user) } }),
    }),
    wrap: (frame, { recipient }) => `{"id":2,"publish":{"channel":"personal:#${recipient}","data":${frame}}}`,
  },
  nats: NATS,
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;

/** A user that need not be registered, connected to a server that is not ours. */
export function dial(
  dialect: Dialect,
  { url, user, onMessage }: { url: string; user: PlainUser; onMessage: (data: Buffer) => void },
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const base = url.replace(/\/ws$/, '');
    const socket = new WebSocket(`${base}${dialect.path(user)}`, { perMessageDeflate: false });
    const session = dialect.session(user);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${base} closed a connection before its login was done`)));
    socket.once('open', () => {
      if (session.hello !== null) socket.send(session.hello);
    });
    socket.on('message', (data: Buffer) => {
      const { answer, messages, ready } = session.receive(data);
      if (answer !== null) socket.send(answer);
      for (const message of messages) onMessage(message);
      if (ready) resolve(socket);
    });
  });
}

function texts(protocol: TextProtocol): Dialect['session'] {
  return (user) => new TextSession(protocol, user);
}

/** A JWT by HS256. */
function tokenOf({ code }: PlainUser): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: code, exp: Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_S };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', CENTRIFUGO_TOKEN_KEY).update(signed).digest('base64url')}`;
}
