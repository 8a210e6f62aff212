import { beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { connectText, envelopeFrame } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

const REPLACED = { code: 4409, reason: 'replaced by a newer connection' };

/** docs/protocol.md, section 5: one user has one connection, and it is the newest, on whichever node. */
describe.each(PAIRS)('a newer connection of the same user, %s', (where) => {
  const pair = pairForTests(where, { RELAY_ENVELOPES_PER_S: '0' });
  let alice: PlainUser;
  let bob: PlainUser;
  let socket: PlainClient;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    socket = await PlainClient.login(pair.one.ws, alice);
  });

  const write = (payload: unknown) => sendStored(socket, { sender: alice, recipient: bob.code, payload });

  it.each([
    ['on the same node', 'two'],
    ['on the other node', 'one'],
  ] as const)('%s replaces the older one with 4409', async (_where, newer) => {
    const before = await pair.two.metric('keyrelay_takeovers_total');
    const first = await PlainClient.login(pair.two.ws, bob);
    const greeting = await write('to the first');
    expect(await first.untilEnvelopes(1)).toEqual([greeting]);
    const second = await PlainClient.login(pair[newer].ws, bob);
    expect(await first.untilClosed()).toEqual(REPLACED);
    const letter = await write('to the second');
    expect((await second.untilEnvelopes(1)).at(-1)).toBe(letter);
    expect(first.envelopes).toEqual([greeting]);
    expect(await pair.two.metric('keyrelay_takeovers_total')).toBe(before + 1);
    await second.close();
  });

  it('gets what the older one had not confirmed', async () => {
    const waiting = [await write(1), await write(2)];
    const silent = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    await silent.untilEnvelopes(2);
    const second = await PlainClient.login(pair.one.ws, bob);
    expect(await silent.untilClosed()).toEqual(REPLACED);
    expect(await second.untilEnvelopes(2)).toEqual(waiting);
    await second.close();
  });

  it('is the only one left of ten at once', async () => {
    for (let round = 0; round < 3; round += 1) {
      const sockets = await Promise.all(
        Array.from({ length: 10 }, (_, n) => PlainClient.open(n % 2 === 0 ? pair.one.ws : pair.two.ws)),
      );
      for (const each of sockets) each.sendData(bob, connectText(bob.code));
      await Promise.all(sockets.map((each) => each.until(() => each.received.length > 0)));
      await expect.poll(() => sockets.filter(({ closed }) => closed === null).length).toBe(1);
      const replaced = sockets.filter(({ closed }) => closed !== null);
      expect(replaced.map(({ closed }) => closed)).toEqual(new Array(9).fill(REPLACED));
      const letter = await write(round);
      const survivor = sockets.find(({ closed }) => closed === null);
      expect((await survivor?.untilEnvelopes(1))?.at(-1)).toBe(letter);
      await survivor?.close();
    }
  });

  it('sends again what the older one left in doubt, and each envelope arrives once, in order', async () => {
    const frames = Array.from({ length: 250 }, (_, n) =>
      envelopeFrame(bob, { recipient: alice.code, id: `n-${n}`, payload: n }),
    );
    const first = await PlainClient.login(pair.two.ws, bob);
    for (const frame of frames.slice(0, 200)) first.send(frame);
    const second = await PlainClient.login(pair.one.ws, bob);
    for (const frame of frames) second.send(frame);
    await second.until(() => second.accepted().length === 250);
    expect(await first.untilClosed()).toEqual(REPLACED);
    expect(await socket.untilEnvelopes(250)).toEqual(frames);
    await second.close();
  });
});

describe('a node that was stopped while its user went elsewhere', () => {
  const pair = pairForTests('two nodes, over Redis');

  it('confirms nothing for the old socket once it runs again', async () => {
    const [alice, bob] = [await registerUser(pair.two.http), await registerUser(pair.two.http)];
    const socket = await PlainClient.login(pair.two.ws, alice);
    const letter = await sendStored(socket, { sender: alice, recipient: bob.code });
    const old = await PlainClient.login(pair.one.ws, bob, { pongs: 'none' });
    await old.until(() => old.envelopes.length === 1 && old.pings.length > 0);

    pair.one.pause();
    const newer = await PlainClient.login(pair.two.ws, bob, { pongs: 'none' });
    expect(await newer.untilEnvelopes(1)).toEqual([letter]);
    // Heard by the old node only when it runs again, side by side with the news of the takeover.
    for (const ping of old.pings) old.ws.pong(ping);
    pair.one.resume();
    expect(await old.untilClosed()).toEqual(REPLACED);

    await newer.cut();
    const receiver = await PlainClient.login(pair.two.ws, bob);
    expect(await receiver.untilEnvelopes(1)).toEqual([letter]);
  });
});
