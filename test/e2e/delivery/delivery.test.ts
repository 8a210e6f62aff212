import { beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { connectText, envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

/** docs/protocol.md, section 3: what waits, what is confirmed, what is sent again. Alice on one node, Bob on the other. */
describe.each(PAIRS)('delivery, %s', (where) => {
  const pair = pairForTests(where, {
    RELAY_ENVELOPES_PER_S: '0',
    RELAY_PING_INTERVAL_MS: '300',
    RELAY_MAILBOX_SHARE: '100',
  });
  let alice: PlainUser;
  let bob: PlainUser;
  let socket: PlainClient;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    socket = await PlainClient.login(pair.one.ws, alice);
  });

  function frames(count: number, from = 0): string[] {
    return Array.from({ length: count }, (_, n) =>
      envelopeFrame(alice, { recipient: bob.code, payload: from + n }),
    );
  }

  /** Stores them and resolves with their frames. */
  async function store(count: number, from = 0): Promise<string[]> {
    const sent = frames(count - 1, from);
    for (const frame of sent) socket.send(frame);
    const payload = from + count - 1;
    return [...sent, await sendStored(socket, { sender: alice, recipient: bob.code, payload })];
  }

  it("sends waiting envelopes, oldest first, then live ones, each once, in the sender's order", async () => {
    const waiting = await store(400);
    const receiver = await PlainClient.open(pair.two.ws);
    receiver.sendData(bob, connectText(bob.code));
    // While the backlog is on its way, which fills the window more than once.
    const live = frames(200, 400);
    for (const frame of live) socket.send(frame);
    expect(await receiver.untilEnvelopes(600)).toEqual([...waiting, ...live]);
    const last = await sendStored(socket, { sender: alice, recipient: bob.code });
    expect(await receiver.untilEnvelopes(601)).toEqual([...waiting, ...live, last]);
    await receiver.close();
  });

  it('keeps the order of each of several senders', async () => {
    const carol = await registerUser(pair.two.http);
    const other = await PlainClient.login(pair.two.ws, carol);
    const receiver = await PlainClient.login(pair.two.ws, bob);
    const byCarol = Array.from({ length: 200 }, (_, n) =>
      envelopeFrame(carol, { recipient: bob.code, payload: n }),
    );
    const byAlice = frames(200);
    for (let n = 0; n < 200; n += 1) {
      socket.send(byAlice[n] ?? '');
      other.send(byCarol[n] ?? '');
    }
    const received = await receiver.untilEnvelopes(400);
    expect(received.filter((frame) => byAlice.includes(frame))).toEqual(byAlice);
    expect(received.filter((frame) => byCarol.includes(frame))).toEqual(byCarol);
    await Promise.all([receiver.close(), other.close()]);
  });

  it('pings behind what it sends: the pong, which every client sends by itself, confirms it', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob);
    await store(3);
    await receiver.until(() => receiver.envelopes.length === 3 && receiver.pings.length > 0);
    for (const ping of receiver.pings) expect(ping).toMatch(/^[\x21-\x7e]{1,40}$/);
    await confirmed(receiver);
    await receiver.close();
    const again = await PlainClient.login(pair.two.ws, bob);
    const later = await store(1, 3);
    expect(await again.untilEnvelopes(1)).toEqual(later);
    await again.close();
  });

  it('sends unconfirmed envelopes again, the same bytes, oldest first', async () => {
    const waiting = await store(3);
    for (let n = 0; n < 3; n += 1) {
      const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
      expect(await silent.untilEnvelopes(3)).toEqual(waiting);
      await silent.cut();
    }
    const receiver = await PlainClient.login(pair.two.ws, bob);
    expect(await receiver.untilEnvelopes(3)).toEqual(waiting);
    await receiver.close();
  });

  it('takes a pong as the receipt for everything up to its id, and nothing behind it', async () => {
    await store(3);
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    await silent.until(() => silent.envelopes.length === 3 && silent.pings.length > 0);
    const behind = await store(2, 3);
    await silent.untilEnvelopes(5);
    const [first] = silent.pings;
    expect(silent.pings).toEqual([first]);
    silent.ws.pong(first);
    // The receipt of one makes it ask for the next.
    await silent.until(() => silent.pings.length === 2);
    await confirmed(silent);
    await silent.cut();
    const receiver = await PlainClient.login(pair.two.ws, bob);
    expect(await receiver.untilEnvelopes(2)).toEqual(behind);
    await receiver.close();
  });

  it('ignores a pong for an envelope that was not sent on this socket', async () => {
    const before = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    const sent = await store(2);
    await before.until(() => before.envelopes.length === 2 && before.pings.length > 0);
    const earlier = before.pings.at(-1) ?? '';
    await before.cut();
    const [ms = '0', tag = '0'] = earlier.split('-');

    const silent = await PlainClient.open(pair.two.ws, { pongs: 'none' });
    // Before anything was pinged here: the id of another socket confirms nothing yet.
    silent.ws.pong(earlier);
    silent.sendData(bob, connectText(bob.code));
    await silent.untilEnvelopes(2);
    const foreign = ['', '0-0', '0', '$', '-', '+', '>', '*', ms, `${ms}-`, `-${tag}`, `${earlier} `];
    const futures = [`${BigInt(ms) + 1n}-${tag}`, `${ms}-${Number(tag) + 1}`, '18446744073709551615-1'];
    for (const payload of [...foreign, ...futures, '9'.repeat(125)]) silent.ws.pong(payload);
    await confirmed(silent);
    await silent.cut();
    const receiver = await PlainClient.login(pair.two.ws, bob);
    expect(await receiver.untilEnvelopes(2)).toEqual(sent);
    await receiver.close();
  });

  it('pings a quiet client with the last id, so that a lost receipt is sent again', async () => {
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    await store(1);
    await silent.until(() => silent.envelopes.length === 1 && silent.pings.length > 0);
    const id = silent.pings.at(-1);
    const pings = silent.pings.length;
    await silent.until(() => silent.pings.length >= pings + 2);
    expect(silent.pings.slice(pings)).toEqual(new Array(silent.pings.length - pings).fill(id));
    await silent.cut();
  });

  /**
   * Resolves when the receipts sent on Bob's socket have taken effect: they are heard before an envelope that is sent
   * behind them, and they reach the store in that order.
   */
  async function confirmed(receiver: PlainClient): Promise<void> {
    const carol = await registerUser(pair.two.http);
    await sendStored(receiver, { sender: bob, recipient: carol.code });
  }
});
