import type { DialectName } from '../dialects/dialects.ts';
import type { GoProgram } from './install.ts';

/** Of node/, where a program is its whole configuration; or built from Go. */
type Program = 'socketio.mjs' | 'socketio-streams.mjs' | 'socketcluster.mjs' | 'ws-relay.mjs' | GoProgram;

/** Who is compared, and what each does for an envelope: without this a table of costs says nothing. */
export interface Contender {
  readonly name: string;
  readonly dialect: DialectName | null;
  /** Null for ours. */
  readonly program: Program | null;
  readonly env: Readonly<Record<string, string>>;
  readonly verifies: boolean;
  readonly stores: string;
  readonly confirms: string;
}

const NOTHING = { env: {}, verifies: false, stores: 'no', confirms: 'no' } as const;
const VERIFYING = { env: { VERIFY: '1' }, verifies: true } as const;
const UNTIL_CONFIRMED = { stores: 'until confirmed', confirms: 'every client' } as const;

const SOCKET_IO = { dialect: 'socketio', program: 'socketio.mjs' } as const;
const SOCKET_CLUSTER = { dialect: 'socketcluster', program: 'socketcluster.mjs' } as const;
const PLAIN = { dialect: 'plain', program: 'ws-relay.mjs' } as const;
/** With Socket.IO's connection state recovery. */
const STREAMS = {
  dialect: 'socketio',
  program: 'socketio-streams.mjs',
  ...NOTHING,
  stores: 'the last 10,000 of all; for clients that are back within 2 min',
} as const;

export const CONTENDERS: readonly Contender[] = [
  { name: 'keyrelay', dialect: null, program: null, env: {}, verifies: true, ...UNTIL_CONFIRMED },
  { name: 'Socket.IO', ...SOCKET_IO, ...NOTHING },
  { name: 'Socket.IO, verifying', ...SOCKET_IO, ...NOTHING, ...VERIFYING },
  { name: 'Socket.IO streams', ...STREAMS },
  { name: 'Socket.IO streams, verifying', ...STREAMS, ...VERIFYING },
  { name: 'SocketCluster', ...SOCKET_CLUSTER, ...NOTHING },
  { name: 'SocketCluster, verifying', ...SOCKET_CLUSTER, ...NOTHING, ...VERIFYING },
  { name: 'ws + ioredis', ...PLAIN, ...NOTHING },
  { name: 'ws + ioredis, verifying', ...PLAIN, ...NOTHING, ...VERIFYING },
  {
    name: 'ws + ioredis, verifying, storing',
    ...PLAIN,
    ...NOTHING,
    env: { VERIFY: '1', STORE: '1' },
    verifies: true,
    stores: 'until sent; not read again',
  },
  {
    name: 'centrifuge, Go library',
    dialect: 'centrifuge',
    program: 'centrifuge-node',
    ...NOTHING,
    stores: 'the last 100 for 1 min',
  },
  {
    name: 'Centrifugo',
    dialect: 'centrifugo',
    program: 'centrifugo',
    ...NOTHING,
    stores: 'the last 300 for 10 min',
  },
  { name: 'NATS JetStream', dialect: 'nats', program: 'nats-server', ...NOTHING, ...UNTIL_CONFIRMED },
];
