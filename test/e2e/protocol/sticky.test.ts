import { beforeEach, describe, expect, it } from 'vitest';
import { connectText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

const REFUSED = { code: 4401, reason: 'protocol_required' };

/** docs/protocol.md, section 4: an account that has logged in by protocol 2 is refused protocol 1. */
describe.each(PAIRS)('a login by protocol 2, %s', (where) => {
  const pair = pairForTests(where);
  let alice: PlainUser;
  let bob: PlainUser;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
  });

  it('closes the account to protocol 1 for good, on every node', async () => {
    await (await PlainClient.login(pair.two.ws, bob)).close();
    await (await PlainClient.login(pair.two.ws, bob, { protocol: 2 })).close();
    for (const { ws } of [pair.one, pair.two]) {
      const old = await tryProtocol1(ws, bob);
      expect(old.errors()).toEqual([
        { code: 'protocol_required', detail: expect.stringContaining('relay.v2'), frame: 1 },
      ]);
      expect(await old.untilClosed()).toEqual(REFUSED);
    }
    const still = await PlainClient.login(pair.one.ws, bob, { protocol: 2 });
    expect(still.received[1]).toContain('connect_ack');
    await still.close();
  });

  it('stays in place when protocol 1 is refused meanwhile', async () => {
    const socket = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    expect(await (await tryProtocol1(pair.one.ws, bob)).untilClosed()).toEqual(REFUSED);
    socket.sendData(bob, `{"sender":"${bob.code}","recipient":"${bob.code}","message":{"type":"note"}}`);
    await socket.untilEnvelopes(1);
    await socket.close();
  });

  it('is revealed only to a client that has signed', async () => {
    await (await PlainClient.login(pair.two.ws, bob, { protocol: 2 })).close();
    const forger = await tryProtocol1(pair.one.ws, bob, alice);
    expect(forger.errors()[0]?.code).toBe('bad_signature');
  });

  it('faked by another user closes nothing', async () => {
    const forged = await PlainClient.challenged(pair.two.ws);
    const { nonce, audience } = forged.challenge();
    forged.sendData(bob, connectText(alice.code, { nonce, audience }));
    expect((await forged.untilClosed()).code).toBe(4401);
    const old = await tryProtocol1(pair.one.ws, alice);
    expect(old.received[0]).toContain('connect_ack');
    await old.close();
  });
});

describe('an account that is closed to protocol 1', () => {
  const pair = pairForTests('two nodes, over Redis');
  const processes = processesForTests();

  it('is opened again by an operator, and no other account with it', async () => {
    const [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    await (await PlainClient.login(pair.two.ws, alice, { protocol: 2 })).close();
    await (await PlainClient.login(pair.two.ws, bob, { protocol: 2 })).close();
    const reopen = await processes.keyrelay(['reopen', bob.code], { RELAY_REDIS_URL: pair.redis?.url ?? '' });
    expect(await reopen.exited()).toBe('exit code 0');
    const reopened = await tryProtocol1(pair.one.ws, bob);
    expect(reopened.received[0]).toContain('connect_ack');
    expect(await (await tryProtocol1(pair.one.ws, alice)).untilClosed()).toEqual(REFUSED);
  });
});

/** A connect of protocol 1 for `user`, signed by `by`. */
async function tryProtocol1(relay: string, user: PlainUser, by = user): Promise<PlainClient> {
  const old = await PlainClient.open(relay);
  old.sendData(by, connectText(user.code));
  await old.until(() => old.received.length > 0);
  return old;
}
