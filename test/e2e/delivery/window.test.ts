import { beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

const WINDOW_ENVELOPES = 256;
const WINDOW_BYTES = 1_048_576;

/** docs/protocol.md, section 3: the relay stops at 256 envelopes or 1 MiB unconfirmed. */
describe.each(PAIRS)('the window, %s', (where) => {
  const pair = pairForTests(where, {
    RELAY_ENVELOPES_PER_S: '0',
    RELAY_BYTES_PER_S: '0',
    RELAY_MAILBOX_ENVELOPES: '3000',
    RELAY_MAILBOX_SHARE: '100',
    RELAY_MAILBOX_BYTES: '67108864',
    RELAY_INFLIGHT_BYTES: '67108864',
  });
  let alice: PlainUser;
  let bob: PlainUser;
  let socket: PlainClient;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    socket = await PlainClient.login(pair.one.ws, alice);
  });

  function frame(payload: unknown): string {
    return envelopeFrame(alice, { recipient: bob.code, payload });
  }

  async function store(frames: readonly string[]): Promise<void> {
    for (const each of frames) socket.send(each);
    await sendStored(socket, { sender: alice, recipient: bob.code, payload: 'last' });
  }

  /** Whatever the relay had sent by now, and what follows from it, has arrived: the window is full. */
  async function stopped(receiver: PlainClient, timesFull: number): Promise<void> {
    await expect.poll(() => pair.two.metric('keyrelay_window_full_total')).toBeGreaterThan(timesFull);
    await roundTrip(receiver);
  }

  const numbers = (count: number) => Array.from({ length: count }, (_, n) => frame(n));

  it.each([
    ['what waited', true],
    ['what is live', false],
  ])('is full with 256 %s envelopes, and opens when they are confirmed', async (_what, waiting) => {
    const timesFull = await pair.two.metric('keyrelay_window_full_total');
    const frames = numbers(600);
    if (waiting) await store(frames);
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    if (!waiting) await store(frames);
    await silent.untilEnvelopes(WINDOW_ENVELOPES);
    await stopped(silent, timesFull);
    expect(silent.envelopes).toEqual(frames.slice(0, WINDOW_ENVELOPES));

    silent.ws.pong(silent.pings.at(-1));
    await silent.until(() => silent.envelopes.length > WINDOW_ENVELOPES);
    // From here on it answers as any client does.
    silent.ws.on('ping', (payload) => silent.ws.pong(payload));
    silent.ws.pong(silent.pings.at(-1));
    expect((await silent.untilEnvelopes(601)).slice(0, 600)).toEqual(frames);
    await silent.close();
  });

  it('is full with 1 MiB, and at most one envelope more', async () => {
    const timesFull = await pair.two.metric('keyrelay_window_full_total');
    const frames = Array.from({ length: 40 }, (_, n) => frame(`${n}`.padEnd(60_000, 'x')));
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    await store(frames);
    await silent.until(() => bytesOf(silent.envelopes) >= WINDOW_BYTES);
    await stopped(silent, timesFull);
    const bytes = bytesOf(silent.envelopes);
    expect(bytes).toBeGreaterThanOrEqual(WINDOW_BYTES);
    expect(bytes).toBeLessThan(WINDOW_BYTES + 60_400);
    await silent.cut();
    const receiver = await PlainClient.login(pair.two.ws, bob);
    expect((await receiver.untilEnvelopes(41)).slice(0, 40)).toEqual(frames);
    await receiver.close();
  });

  it('never has more than 49 pings unanswered, which clients would take for an attack', async () => {
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    // One turn for each, as far as that can be had from outside.
    for (const each of numbers(WINDOW_ENVELOPES)) {
      socket.send(each);
      await roundTrip(socket);
    }
    await silent.untilEnvelopes(WINDOW_ENVELOPES);
    await roundTrip(silent);
    expect(silent.pings.length).toBeLessThanOrEqual(49);
    await silent.cut();
  });

  it('bounds the memory for a client that has stopped reading, and loses nothing', async () => {
    const pushed = () => pair.two.metric('keyrelay_pushed_bytes_total');
    const before = await pushed();
    const slow = await PlainClient.login(pair.two.ws, bob);
    slow.ws.pause();
    const frames = Array.from({ length: 1_000 }, (_, n) => frame(`${n}`.padEnd(8_000, 'y')));
    await store(frames);
    await expect.poll(async () => (await pushed()) - before).toBeGreaterThan(WINDOW_BYTES);
    // Others are served meanwhile, by the same node.
    const carol = await registerUser(pair.two.http);
    const other = await PlainClient.login(pair.two.ws, carol);
    const letter = await sendStored(socket, { sender: alice, recipient: carol.code });
    expect(await other.untilEnvelopes(1)).toEqual([letter]);
    expect((await pushed()) - before).toBeLessThan(WINDOW_BYTES + 20_000);

    slow.ws.resume();
    const received = await slow.untilEnvelopes(1_001);
    expect(received.slice(0, 1_000)).toEqual(frames);
    expect(slow.closed).toBeNull();
    await Promise.all([slow.close(), other.close()]);
  });
});

function bytesOf(frames: readonly string[]): number {
  return frames.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
}

/** By a ping of the client, which the relay answers behind whatever it has sent. */
async function roundTrip(client: PlainClient): Promise<void> {
  const answered = new Promise((resolve) => client.ws.once('pong', resolve));
  client.ws.ping();
  await answered;
}
