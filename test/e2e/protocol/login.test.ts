import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { connectText, envelopeFrame, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

/** docs/protocol.md, section 3: connect, and frames sent right behind it, before the client can know its outcome. */
describe.each(PAIRS)('connect, %s', (where) => {
  const pair = pairForTests(where, { RELAY_ENVELOPES_PER_S: '0' });
  let alice: PlainUser;
  let bob: PlainUser;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
  });

  const connect = () => frameOf(alice, connectText(alice.code));

  function letters(count: number, payload = ''): string[] {
    return Array.from({ length: count }, (_, n) =>
      envelopeFrame(alice, { recipient: bob.code, id: `n-${n}`, payload: payload || n }),
    );
  }

  it('makes the frames behind it wait for its outcome, and handles them in order', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob);
    const socket = await PlainClient.open(pair.one.ws);
    const frames = letters(16);
    inOneWrite(socket, [connect(), ...frames]);
    expect(await receiver.untilEnvelopes(16)).toEqual(frames);
    await socket.until(() => socket.accepted().length === 16);
    expect(socket.received[0]).toContain('"connect_ack"');
    expect(socket.errors()).toEqual([]);
    await Promise.all([socket.close(), receiver.close()]);
  });

  it('that is refused is named by its number, and nothing behind it is stored', async () => {
    const socket = await PlainClient.open(pair.one.ws);
    inOneWrite(socket, [frameOf(makeKeys(), connectText(alice.code)), ...letters(5)]);
    expect((await socket.untilClosed()).code).toBe(4401);
    expect(socket.errors()).toEqual([{ code: 'bad_signature', detail: expect.any(String), frame: 1 }]);
    const receiver = await PlainClient.login(pair.two.ws, bob);
    const sender = await PlainClient.login(pair.one.ws, alice);
    const letter = await sendStored(sender, { sender: alice, recipient: bob.code });
    expect(await receiver.untilEnvelopes(1)).toEqual([letter]);
    await Promise.all([sender.close(), receiver.close()]);
  });

  it('sent twice is a login and a bad_frame, which changes nothing', async () => {
    const socket = await PlainClient.open(pair.one.ws);
    inOneWrite(socket, [connect(), connect(), ...letters(1)]);
    await socket.until(() => socket.accepted().length === 1);
    expect(socket.errors()).toEqual([
      { code: 'bad_frame', detail: 'this socket is connected already', frame: 2 },
    ]);
    expect(socket.closed).toBeNull();
    await socket.close();
  });

  it('is the same bytes every time: anyone who has them can connect again', async () => {
    const bytes = connect();
    for (let n = 0; n < 3; n += 1) {
      const socket = await PlainClient.open(pair.one.ws);
      socket.send(bytes);
      await socket.until(() => socket.received.length > 0);
      expect(socket.received[0]).toContain('"connect_ack"');
      await socket.close();
    }
  });

  it('whose client hangs up at once leaves no session behind', async () => {
    const connected = () => pair.one.metric('keyrelay_sockets', 'state="connected"');
    const pending = () => pair.one.metric('keyrelay_sockets', 'state="pending"');
    const before = await connected();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => PlainClient.open(pair.one.ws)));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.send(connect());
        await socket.cut();
      }),
    );
    await expect.poll(async () => [await connected(), await pending()]).toEqual([before, 0]);
    const sender = await PlainClient.login(pair.two.ws, bob);
    const letter = await sendStored(sender, { sender: bob, recipient: alice.code });
    const receiver = await PlainClient.login(pair.one.ws, alice);
    expect(await receiver.untilEnvelopes(1)).toEqual([letter]);
    await Promise.all([sender.close(), receiver.close()]);
  });
});

describe('behind a connect that the store has not answered yet', () => {
  const pair = pairForTests('two nodes, over Redis');
  let alice: PlainUser;

  beforeAll(async () => {
    alice = await registerUser(pair.one.http);
  });

  it.each([
    ['16 frames', new Array<string>(16).fill('{}'), null],
    ['17 frames', new Array<string>(17).fill('{}'), 4429],
    ['64 KiB', [' '.repeat(65_536)], null],
    ['64 KiB and one byte', [' '.repeat(65_536), ' '], 4429],
  ])('%s wait, or are too many', async (_what, frames, close) => {
    const socket = await PlainClient.open(pair.one.ws);
    pair.redis?.pause();
    try {
      inOneWrite(socket, [frameOf(alice, connectText(alice.code)), ...frames]);
      const { code } = await socket.untilClosed();
      // Without an answer of the store a connect that was patient ends with 1012.
      expect(code).toBe(close ?? 1012);
    } finally {
      pair.redis?.resume();
    }
    await expect.poll(async () => (await pair.one.ready()).status, { timeout: 10_000 }).toBe(200);
  });
});

/** Many libraries do so with what is sent in one turn: the relay reads it all before it can ask the store. */
function inOneWrite(socket: PlainClient, frames: readonly string[]): void {
  socket.inOneWrite(() => {
    for (const frame of frames) socket.send(frame);
  });
}
