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

const NOTHING = { verifies: false, stores: 'no', confirms: 'no' } as const;

/** Socket.IO's connection state recovery. */
const RECOVERY = 'the last 10,000 of all; for who is back within 2 min';

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'keyrelay',
    dialect: null,
    program: null,
    env: {},
    verifies: true,
    stores: 'until confirmed',
    confirms: 'every client',
  },
  { name: 'Socket.IO', dialect: 'socketio', program: 'socketio.mjs', env: {}, ...NOTHING },
  {
    name: 'Socket.IO, verifying',
    dialect: 'socketio',
    program: 'socketio.mjs',
    env: { VERIFY: '1' },
    ...NOTHING,
    verifies: true,
  },
  {
    name: 'Socket.IO streams',
    dialect: 'socketio',
    program: 'socketio-streams.mjs',
    env: {},
    verifies: false,
    stores: RECOVERY,
    confirms: 'no',
  },
  {
    name: 'Socket.IO streams, verifying',
    dialect: 'socketio',
    program: 'socketio-streams.mjs',
    env: { VERIFY: '1' },
    verifies: true,
    stores: RECOVERY,
    confirms: 'no',
  },
  { name: 'SocketCluster', dialect: 'socketcluster', program: 'socketcluster.mjs', env: {}, ...NOTHING },
  {
    name: 'SocketCluster, verifying',
    dialect: 'socketcluster',
    program: 'socketcluster.mjs',
    env: { VERIFY: '1' },
    ...NOTHING,
    verifies: true,
  },
  { name: 'ws + ioredis', dialect: 'plain', program: 'ws-relay.mjs', env: {}, ...NOTHING },
  {
    name: 'ws + ioredis, verifying',
    dialect: 'plain',
    program: 'ws-relay.mjs',
    env: { VERIFY: '1' },
    ...NOTHING,
    verifies: true,
  },
  {
    name: 'ws + ioredis, verifying, storing',
    dialect: 'plain',
    program: 'ws-relay.mjs',
    env: { VERIFY: '1', STORE: '1' },
    verifies: true,
    stores: 'until sent; not read again',
    confirms: 'no',
  },
  {
    name: 'centrifuge, Go library',
    dialect: 'centrifuge',
    program: 'centrifuge-node',
    env: {},
    verifies: false,
    stores: 'the last 100 for 1 min',
    confirms: 'no',
  },
  {
    name: 'Centrifugo',
    dialect: 'centrifugo',
    program: 'centrifugo',
    env: {},
    verifies: false,
    stores: 'the last 300 for 10 min',
    confirms: 'no',
  },
  {
    name: 'NATS JetStream',
    dialect: 'nats',
    program: 'nats-server',
    env: {},
    verifies: false,
    stores: 'until confirmed',
    confirms: 'every client',
  },
];
