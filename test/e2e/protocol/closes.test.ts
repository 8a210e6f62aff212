import { beforeAll, describe, expect, it } from 'vitest';
import { CLOSES, type CloseName } from '../../../src/protocol/closes.ts';
import { loggedIn, type Scene, scene, toBob } from '../../support/clients/scene.ts';
import { commandText } from '../../support/plain/commands.ts';
import { connectText } from '../../support/plain/frames.ts';
import { type Closed, PlainClient } from '../../support/plain/plain-client.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 5: every close code, provoked for real. */
const redis = redisForTests();
const processes = processesForTests();
const relay = relayForTests();
/** Two envelopes in a burst. */
const strict = relayForTests({ RELAY_ENVELOPES_PER_S: '1' });
/** Short patience. */
const hasty = relayForTests({
  RELAY_CONNECT_TIMEOUT_MS: '200',
  RELAY_PING_INTERVAL_MS: '100',
  RELAY_PONG_TIMEOUT_MS: '500',
});
/** With a store that a test can reach. */
let stored: RelayNode;

beforeAll(async () => {
  stored = await processes.relay({ RELAY_REDIS_URL: redis.url });
});

interface Case {
  readonly when: string;
  /** Default: `relay`. */
  readonly on?: () => RelayNode | Promise<RelayNode>;
  /** Before the login; otherwise after it. */
  readonly before?: true;
  /** Another socket, which is being closed instead. */
  readonly opens?: (scene: Scene) => Promise<PlainClient>;
  readonly provoke?: (scene: Scene) => void | Promise<void>;
  readonly reason: RegExp;
}

/** What an operator's ban does to the store. */
async function ban(code: string): Promise<void> {
  await redis.call('HSET', `user:{${code}}`, 'guard', 'x', 'banned', 0, 'token', '');
  await redis.call('SPUBLISH', `inbox:{${code}}`, `c${'0'.repeat(32)}`);
}

const RETRY = /^retry in \d{1,5} ms$/;

const CASES: Record<CloseName, readonly Case[]> = {
  goingAway: [
    {
      when: 'a client does not answer pings',
      on: () => hasty,
      before: true,
      opens: ({ alice }) => PlainClient.login(hasty.ws, alice, { pongs: 'none' }),
      reason: /^no answer to a ping$/,
    },
  ],
  tooBig: [
    {
      when: 'a frame is over the limit',
      provoke: ({ socket }) => socket.send('x'.repeat(65_537)),
      reason: /^a frame may have 65536 bytes$/,
    },
  ],
  restarting: [
    {
      when: 'the node stops',
      on: () => processes.relay(),
      provoke: (on) => on.relay.signal('SIGTERM'),
      reason: RETRY,
    },
    {
      when: 'the node stops before a login',
      on: () => processes.relay(),
      before: true,
      provoke: (on) => on.relay.signal('SIGTERM'),
      reason: RETRY,
    },
    {
      when: 'the store is away at login',
      on: () => processes.relay({ RELAY_REDIS_URL: redis.url }),
      before: true,
      provoke: async ({ socket, alice }) => {
        redis.pause();
        socket.sendData(alice, connectText(alice.code));
        await socket.untilClosed().finally(() => redis.resume());
      },
      reason: RETRY,
    },
  ],
  malformed: [
    {
      when: 'the first frame is malformed',
      before: true,
      provoke: ({ socket }) => socket.send('hello'),
      reason: /^bad_frame$/,
    },
    {
      when: 'a frame is binary',
      provoke: ({ socket }) => socket.ws.send(Buffer.from('{}')),
      reason: /^frames are text$/,
    },
    {
      when: 'a frame is binary before login',
      before: true,
      provoke: ({ socket }) => socket.ws.send(Buffer.alloc(0)),
      reason: /^frames are text$/,
    },
    {
      when: 'ten frames within a minute are at fault',
      provoke: ({ socket }) => {
        for (let n = 0; n < 10; n += 1) socket.send('{}');
      },
      reason: /^10 faults within a minute$/,
    },
  ],
  notAuthenticated: [
    {
      when: 'a client sends the connect of another user',
      before: true,
      provoke: ({ socket, alice, bob }) => socket.sendData(alice, connectText(bob.code)),
      reason: /^bad_signature$/,
    },
    {
      when: 'an envelope comes first',
      before: true,
      provoke: (on) => on.socket.sendData(on.alice, toBob(on)),
      reason: /^not_connected$/,
    },
  ],
  banned: [
    {
      when: 'an operator bans the user',
      on: () => stored,
      provoke: ({ alice }) => ban(alice.code),
      reason: /^the operator of this relay has banned this account$/,
    },
    {
      when: 'a banned user logs in',
      on: () => stored,
      before: true,
      provoke: async ({ socket, alice }) => {
        await ban(alice.code);
        socket.sendData(alice, connectText(alice.code));
      },
      reason: /^banned$/,
    },
  ],
  connectTimeout: [
    {
      when: 'no connect comes in time',
      on: () => hasty,
      before: true,
      reason: /^no connect within 200 ms$/,
    },
    {
      when: 'no connect comes in time by protocol 2',
      on: () => hasty,
      before: true,
      opens: () => PlainClient.challenged(hasty.ws),
      reason: /^no connect within 200 ms$/,
    },
  ],
  replaced: [
    {
      when: 'the same user connects again',
      provoke: async ({ alice }) => void (await PlainClient.login(relay.ws, alice)),
      reason: /^replaced by a newer connection$/,
    },
  ],
  deleted: [
    {
      when: 'a user deletes the account',
      before: true,
      opens: ({ alice }) => PlainClient.login(relay.ws, alice, { protocol: 2 }),
      provoke: ({ socket, alice }) =>
        socket.sendData(alice, commandText(alice.code, 'delete_account', {}, 'bye')),
      reason: /^the account was deleted$/,
    },
  ],
  flooding: [
    {
      when: 'a client keeps sending although it gets rate_limited',
      on: () => strict,
      provoke: (on) => {
        for (let n = 0; n < 600; n += 1) on.socket.sendData(on.alice, toBob(on));
      },
      reason: /^$/,
    },
    {
      when: 'a client sends nothing but pings',
      provoke: ({ socket }) => {
        for (let n = 0; n < 600; n += 1) socket.ws.ping();
      },
      reason: /^too many pings$/,
    },
    {
      when: 'a client sends unsolicited pongs',
      provoke: ({ socket }) => {
        for (let n = 0; n < 600; n += 1) socket.ws.pong('1-1');
      },
      reason: /^too many receipts of nothing$/,
    },
  ],
};

it('the table has every close of the relay', () => {
  expect(Object.keys(CASES)).toEqual(Object.keys(CLOSES));
});

const names = Object.keys(CASES) as CloseName[];

describe.each(names.map((name) => [CLOSES[name].code, name] as const))('%s %s', (code, name) => {
  it.each(CASES[name])('closes when $when', async ({ on = () => relay, before, opens, provoke, reason }) => {
    const there = await (before === true ? scene : loggedIn)(await on());
    const socket = (await opens?.(there)) ?? there.socket;
    await provoke?.({ ...there, socket });
    expect(await socket.untilClosed()).toEqual({ code, reason: expect.stringMatching(reason) });
  });
});

describe('without a close frame, by dropping the TCP connection (1006), the relay answers', () => {
  const lost: Closed = { code: 1006, reason: '' };

  it('a frame of more than twice the limit', async () => {
    const { socket } = await loggedIn(relay);
    socket.send('x'.repeat(2 * 65_536 + 1));
    expect(await socket.untilClosed()).toEqual(lost);
  });

  it('text that is not UTF-8', async () => {
    const { socket } = await loggedIn(relay);
    socket.ws.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });
    expect(await socket.untilClosed()).toEqual(lost);
  });

  it.each([
    ['a reserved bit', '91'],
    ['a reserved opcode', '83'],
    ['a continuation of nothing', '80'],
    ['a ping in fragments', '09'],
  ])('a breach of RFC 6455: %s', async (_what, firstByte) => {
    const { socket } = await scene(relay);
    // Masked, with a mask of zeros, and one byte of payload.
    raw(socket).write(Buffer.from(`${firstByte}810000000078`, 'hex'));
    expect(await socket.untilClosed()).toEqual(lost);
  });

  it('a control frame of 126 bytes', async () => {
    const { socket } = await scene(relay);
    raw(socket).write(Buffer.from(`89fe007e00000000${'78'.repeat(126)}`, 'hex'));
    expect(await socket.untilClosed()).toEqual(lost);
  });
});

it('a client that closes gets its own code back, and no session is left', async () => {
  const before = await relay.metric('keyrelay_sockets', 'state="connected"');
  const { socket } = await loggedIn(relay);
  socket.ws.close(4242, 'bye');
  expect((await socket.untilClosed()).code).toBe(4242);
  await relay.untilMetric('keyrelay_sockets', (count) => count === before, 'state="connected"');
});

/** The TCP socket below, for frames that a library would refuse to send. */
function raw(client: PlainClient): { write(bytes: Buffer): void } {
  return (client.ws as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
}
