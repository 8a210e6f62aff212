import WebSocket from 'ws';
import type { PlainUser } from '../../test/support/plain/users.ts';

/** What another relay than ours is spoken to with: raw frames of `ws`, so that the clients of all cost about the same. */
export interface Dialect {
  path(user: PlainUser): string;
  /** Sent when the socket is open. */
  readonly hello: (user: PlainUser) => string | null;
  /** To what the server says before it is ready, and to its pings. */
  answer(text: string, user: PlainUser): string | null;
  isReady(text: string): boolean;
  /** Between messages that the server puts into one frame; null: each has its own. */
  readonly separator: string | null;
  /** Around a signed frame. */
  wrap(frame: string, recipient: string): string;
}

export const DIALECTS = {
  /** Engine.IO 4 and Socket.IO 5 as documented: `0` open, `40` connect, `42` event, `2` ping, `3` pong. */
  socketio: {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    hello: () => null,
    answer: (text, user) => {
      if (text.startsWith('0')) return `40${JSON.stringify({ code: user.code, key: user.eddsaPublicKey })}`;
      return text === '2' ? '3' : null;
    },
    isReady: (text) => text.startsWith('40'),
    separator: null,
    wrap: (frame, recipient) => `42["envelope","${recipient}",${frame}]`,
  },
  /** SocketCluster's protocol, version 2: numbered calls, answers by `rid`, an empty message as ping and pong. */
  socketcluster: {
    path: (user) => `/socketcluster/?key=${user.eddsaPublicKey}`,
    hello: () => '{"event":"#handshake","data":{"authToken":null},"cid":1}',
    answer: (text, user) => {
      if (text === '') return '';
      return text.startsWith('{"rid":1,')
        ? `{"event":"#subscribe","data":{"channel":"${user.code}"},"cid":2}`
        : null;
    },
    isReady: (text) => text.startsWith('{"rid":2'),
    separator: null,
    wrap: (frame, recipient) => `{"event":"#publish","data":{"channel":"${recipient}","data":${frame}}}`,
  },
  plain: {
    path: (user) => `/?code=${user.code}&key=${user.eddsaPublicKey}`,
    hello: () => null,
    answer: () => null,
    isReady: (text) => text.includes('ready'),
    separator: null,
    wrap: (frame) => frame,
  },
  /** Centrifuge's JSON protocol: `{}` is ping and pong. */
  centrifuge: {
    path: () => '/ws',
    hello: (user) => JSON.stringify({ id: 1, connect: { data: user.code } }),
    answer: (text) => (text === '{}' ? '{}' : null),
    isReady: (text) => text.includes('"connect"'),
    separator: '\n',
    wrap: (frame, recipient) => `{"id":2,"publish":{"channel":"${recipient}","data":${frame}}}`,
  },
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
    socket.once('error', reject);
    socket.once('open', () => {
      const hello = dialect.hello(user);
      if (hello !== null) socket.send(hello);
    });
    let ready = false;
    socket.on('message', (data: Buffer) => {
      // Only short ones can be anything but envelopes.
      if (ready && data.length > 2) {
        for (const part of split(data, dialect.separator)) onMessage(part);
        return;
      }
      const text = data.toString();
      const answer = dialect.answer(text, user);
      if (answer !== null) socket.send(answer);
      if (ready || !dialect.isReady(text)) return;
      ready = true;
      resolve(socket);
    });
  });
}

function* split(data: Buffer, separator: string | null): Iterable<Buffer> {
  let start = 0;
  if (separator !== null) {
    for (let end = data.indexOf(separator); end !== -1; end = data.indexOf(separator, start)) {
      yield data.subarray(start, end);
      start = end + 1;
    }
  }
  if (start < data.length) yield data.subarray(start);
}
