import { describe, expect, it } from 'vitest';
import { answers, plainEnvelope } from '../../support/clients/scene.ts';
import { connectText, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

const processes = processesForTests();

/** What answers the challenge on this socket. */
function answerTo(client: PlainClient, user: PlainUser): string {
  return connectText(user.code, { nonce: client.challenge().nonce, audience: null });
}

describe('replays', () => {
  it('an envelope sent a thousand times is stored once, and never under another sender', async () => {
    const relay = await processes.relay({ RELAY_ENVELOPES_PER_S: '0' });
    const [alice, bob, mallory] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const client = await PlainClient.login(relay.ws, alice);
    const frame = plainEnvelope(alice, bob.code, 'once');
    for (let n = 0; n < 1_000; n += 1) client.send(frame);
    await client.until(() => answers(client) === 1_000);
    expect(new Set(client.accepted())).toEqual(new Set(['once']));
    const thief = await PlainClient.login(relay.ws, mallory);
    thief.send(frame);
    await thief.until(() => thief.errors().length === 1);
    expect(thief.errors()[0]?.code).toBe('sender_mismatch');
    const bobs = await PlainClient.login(relay.ws, bob);
    await bobs.until(() => bobs.envelopes.length > 0);
    await bobs.close();
    expect(bobs.envelopes).toEqual([frame]);
    expect(await relay.metric('keyrelay_envelopes_received_total', 'repeated')).toBe(999);
    await client.close();
    await thief.close();
  });

  it('a connect of protocol 1 can be replayed, as docs/security.md says, until the account has spoken protocol 2', async () => {
    const relay = await processes.relay();
    const alice = await registerUser(relay.http);
    const connect = frameOf(alice, connectText(alice.code));
    const overheard = async () => {
      const thief = await PlainClient.open(relay.ws);
      thief.send(connect);
      await thief.until(() => thief.received.length > 0);
      return thief;
    };
    const thief = await overheard();
    expect(thief.received[0]).toContain('"connect_ack"');
    // The attacker cannot send in Alice's name without her key.
    thief.send(
      frameOf(makeKeys(), `{"sender":"${alice.code}","recipient":"${alice.code}","message":{"type":"m"}}`),
    );
    await thief.until(() => thief.errors().length > 0);
    expect(thief.errors()[0]?.code).toBe('bad_signature');

    const alices = await PlainClient.open(relay.ws, { protocol: 2 });
    await alices.until(() => alices.received.length === 1);
    const answer = answerTo(alices, alice);
    alices.send(frameOf(alice, answer));
    await alices.until(() => alices.received.length > 1);
    expect(alices.received[1]).toContain('"connect_ack"');
    await thief.untilClosed();

    expect((await (await overheard()).untilClosed()).code).toBe(4401);
    // And that connect answers one challenge, on one socket.
    const replayed = await PlainClient.open(relay.ws, { protocol: 2 });
    replayed.send(frameOf(alice, answer));
    expect(await replayed.untilClosed()).toEqual({ code: 4401, reason: 'bad_challenge' });
    expect(alices.closed).toBeNull();
    await alices.close();
  });
});
