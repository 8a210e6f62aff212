import { describe, expect, it } from 'vitest';
import { answers, plainEnvelope } from '../../support/clients/scene.ts';
import { connectText, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { OPCODE, openRawWebSocket, rawFrame } from '../../support/plain/raw-connection.ts';
import { makeKeys, type PlainUser, registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

/** Limits per user, each at a node that has nothing but this limit. */

const processes = processesForTests();

describe('per user', () => {
  it('envelopes beyond the rate are refused, also after a reconnect, and the sender can still confirm', async () => {
    const relay = await processes.relay({ RELAY_ENVELOPES_PER_S: '2' });
    const [mallory, alice] = [await registerUser(relay.http), await registerUser(relay.http)];
    const first = await PlainClient.login(relay.ws, mallory);
    for (let n = 0; n < 20; n += 1) first.send(plainEnvelope(mallory, alice.code));
    await first.until(() => answers(first) === 20);
    expect(first.accepted().length).toBeLessThanOrEqual(6);
    await first.close();

    const second = await PlainClient.login(relay.ws, mallory);
    const honest = await PlainClient.login(relay.ws, alice);
    for (let n = 0; n < 5; n += 1) second.send(plainEnvelope(mallory, alice.code));
    honest.send(plainEnvelope(alice, mallory.code));
    await second.until(() => answers(second) === 5 && second.envelopes.length === 1);
    expect(second.accepted().length).toBeLessThanOrEqual(2);
    expect(second.errors()[0]).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) });
    await relay.untilMetric('keyrelay_envelopes_confirmed_total', (count) => count >= 1);
    await second.close();
    await honest.close();
  });

  it('a flood of refused frames, pings, pongs or acks ends with 4429', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '2', RELAY_ENVELOPES_PER_S: '1' });
    const floods: Record<string, (client: PlainClient, user: PlainUser) => void> = {
      frames: (client, user) => client.send(plainEnvelope(user, user.code)),
      pings: (client) => client.ws.ping(),
      pongs: (client) => client.ws.pong('0-0'),
      acks: (client) => client.send('{"ack":"0-0"}'),
    };
    for (const flood of Object.values(floods)) {
      const user = await registerUser(relay.http);
      const client = await PlainClient.login(relay.ws, user, { protocol: 2 });
      for (let n = 0; n < 80; n += 1) flood(client, user);
      expect((await client.untilClosed()).code).toBe(4429);
    }
    for (const kind of ['pong', 'ack']) {
      expect(await relay.metric('keyrelay_foreign_receipts_total', kind)).toBeGreaterThanOrEqual(50);
    }
  });

  it('a ping flood before the login ends with 4429', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '2' });
    const raw = await openRawWebSocket(relay.port);
    for (let n = 0; n < 80; n += 1) raw.write(rawFrame({ opcode: OPCODE.ping }));
    await raw.untilEnded();
    let close = await raw.frame();
    while (close.opcode === OPCODE.pong) close = await raw.frame();
    expect([close.opcode, close.payload.readUInt16BE(0)]).toEqual([OPCODE.close, 4429]);
  });

  it('the tenth bad signature closes the socket', async () => {
    const relay = await processes.relay();
    const [mallory, other] = [await registerUser(relay.http), makeKeys()];
    const client = await PlainClient.login(relay.ws, mallory);
    const data = `{"sender":"${mallory.code}","recipient":"${mallory.code}","message":{"type":"message"}}`;
    for (let n = 0; n < 50; n += 1) client.send(frameOf(other, data));
    expect((await client.untilClosed()).code).toBe(4400);
    expect(client.errors().map(({ code }) => code)).toEqual(Array(10).fill('bad_signature'));
    expect(await relay.metric('keyrelay_envelopes_received_total', 'bad_signature')).toBe(10);
  });

  it('bad signatures: a user closed for them waits before the next login, and no other user does', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '200' });
    const [mallory, alice] = [await registerUser(relay.http), await registerUser(relay.http)];
    const first = await PlainClient.login(relay.ws, mallory);
    const data = `{"sender":"${mallory.code}","recipient":"${alice.code}","message":{"type":"message"}}`;
    for (let n = 0; n < 10; n += 1) first.send(frameOf(makeKeys(), data));
    expect((await first.untilClosed()).code).toBe(4400);

    const again = await PlainClient.open(relay.ws);
    again.send(frameOf(mallory, connectText(mallory.code)));
    const { code, reason } = await again.untilClosed();
    const [told] = again.errors();
    expect(told).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('too many faults') });
    // Half of a burst of 25 s, whatever the flow.
    expect(told?.retry_after_ms).toBeGreaterThan(5_000);
    expect(told?.retry_after_ms).toBeLessThanOrEqual(12_500);
    expect({ code, reason }).toEqual({ code: 1012, reason: `retry in ${told?.retry_after_ms} ms` });
    // A client that has not proved to be her does not learn whether she has to wait.
    const other = await PlainClient.open(relay.ws);
    other.send(frameOf(alice, `{"sender":"${mallory.code}","message":{"type":"connect"}}`));
    expect((await other.untilClosed()).code).toBe(4401);
    await (await PlainClient.login(relay.ws, alice)).close();
  });

  it('one sender fills no more than its share of a mailbox, and learns which limit it was', async () => {
    const relay = await processes.relay({ RELAY_MAILBOX_ENVELOPES: '8' });
    const bob = await registerUser(relay.http);
    const fill = async (count: number) => {
      const user = await registerUser(relay.http);
      const client = await PlainClient.login(relay.ws, user);
      for (let n = 0; n < count; n += 1) client.send(plainEnvelope(user, bob.code));
      await client.until(() => answers(client) === count);
      const outcome = { accepted: client.accepted().length, errors: client.errors() };
      await client.close();
      return outcome;
    };
    const one = await fill(100);
    expect(one.accepted).toBe(2);
    expect(new Set(one.errors.map(({ code }) => code))).toEqual(new Set(['mailbox_full']));
    expect(one.errors[0]?.detail).toContain('as one sender may have');
    expect(await relay.metric('keyrelay_mailbox_shares_full_total')).toBe(98);
    expect(await relay.metric('keyrelay_envelopes_received_total', 'mailbox_full')).toBe(98);
    for (let n = 0; n < 3; n += 1) expect(await fill(2)).toEqual({ accepted: 2, errors: [] });
    // Full, by four of them: that is another limit, and another answer.
    const late = await fill(1);
    expect(late.errors[0]?.detail).toContain('is full');
    expect(await relay.metric('keyrelay_mailbox_shares_full_total')).toBe(98);
    const bobs = await PlainClient.login(relay.ws, bob);
    await bobs.until(() => bobs.envelopes.length === 8);
    await bobs.close();
  });
});
