import type { DialectName } from '../bench/dialects.ts';

/** Who is compared, and what each does for an envelope: without this a table of costs says nothing. */
export interface Contender {
  readonly name: string;
  readonly dialect: DialectName | null;
  /** File of this folder that `node` runs, or the program that is built from centrifuge/; null for ours. */
  readonly program: 'socketio.mjs' | 'ws-relay.mjs' | 'centrifuge-node' | null;
  readonly env: Readonly<Record<string, string>>;
  readonly verifies: boolean;
  readonly stores: string;
  readonly confirms: string;
}

const NOTHING = { verifies: false, stores: 'no', confirms: 'no' } as const;

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
];
