import { describe, expect, it } from 'vitest';
import { connectText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { upgrade } from '../../support/plain/upgrade.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { until } from '../../support/until.ts';

/** docs/protocol.md, section 4, up to the login: which protocol is spoken, and the nonce. */
const processes = processesForTests();
const relay = relayForTests();

interface Try {
  readonly user: PlainUser;
  readonly data: string;
  readonly subprotocols?: readonly string[];
}

/** Sends `data` signed by `user`, and resolves with what happened. */
async function tryConnect(
  on: RelayNode,
  { user, data, subprotocols = ['relay.v2'] }: Try,
): Promise<PlainClient> {
  const socket = await PlainClient.open(on.ws, { subprotocols });
  socket.sendData(user, data);
  await socket.until(() => socket.received.some((text) => /"connect_ack"|"error"/.test(text)));
  return socket;
}

describe('the subprotocol', () => {
  const ANY = [
    ['', undefined],
    ['relay.v1', 'relay.v1'],
    ['relay.v2', 'relay.v2'],
    ['relay.v1, relay.v2', 'relay.v2'],
    ['relay.v2,relay.v1', 'relay.v2'],
    ['chat, relay.v2 , x', 'relay.v2'],
    ['chat', undefined],
    ['RELAY.V2', undefined],
    ['relay.v22', undefined],
    ['relay.v2;q=1', undefined],
  ] as const;

  it.each(ANY)('offered as %j is answered with %j', async (offered, chosen) => {
    const headers: Record<string, string> = offered === '' ? {} : { 'Sec-WebSocket-Protocol': offered };
    const answer = await upgrade(relay.ws, headers);
    expect([answer.status, answer.headers['sec-websocket-protocol']]).toEqual([101, chosen]);
  });

  it('relay.v1 or no subprotocol is protocol 1: no challenge, connect without a payload', async () => {
    for (const subprotocols of [[], ['relay.v1']]) {
      const user = await registerUser(relay.http);
      const socket = await tryConnect(relay, { user, data: connectText(user.code), subprotocols });
      expect(socket.received).toEqual([
        `{"data":{"sender":"server","recipient":"${user.code}","message":{"type":"connect_ack"}}}`,
      ]);
      await socket.close();
    }
  });

  it('RELAY_PROTOCOLS=2 refuses relay.v1 and clients without a subprotocol', async () => {
    const modern = await processes.relay({ RELAY_PROTOCOLS: '2' });
    expect((await upgrade(modern.ws, { 'Sec-WebSocket-Protocol': 'relay.v1' })).headers).not.toHaveProperty(
      'sec-websocket-protocol',
    );
    const user = await registerUser(modern.http);
    const socket = await tryConnect(modern, { user, data: connectText(user.code), subprotocols: [] });
    expect(socket.errors()).toEqual([
      { code: 'protocol_required', detail: expect.stringContaining('relay.v2'), frame: 1 },
    ]);
    expect(await socket.untilClosed()).toEqual({ code: 4401, reason: 'protocol_required' });
    const accepted = await PlainClient.login(modern.ws, user, { protocol: 2 });
    expect(accepted.received[1]).toContain('connect_ack');
    await accepted.close();
  });

  it('RELAY_PROTOCOLS=1 ignores relay.v2', async () => {
    const plain = await processes.relay({ RELAY_PROTOCOLS: '1' });
    const chosen = async (offered: string) =>
      (await upgrade(plain.ws, { 'Sec-WebSocket-Protocol': offered })).headers['sec-websocket-protocol'];
    expect(await chosen('relay.v2')).toBeUndefined();
    expect(await chosen('relay.v2, relay.v1')).toBe('relay.v1');
    const user = await registerUser(plain.http);
    const socket = await tryConnect(plain, {
      user,
      data: connectText(user.code),
      subprotocols: ['relay.v1'],
    });
    expect(socket.received[0]).toContain('connect_ack');
    await socket.close();
  });
});

describe('the challenge', () => {
  it('is the first frame, byte for byte, with a nonce for this socket only', async () => {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => PlainClient.challenged(relay.ws)));
    for (const socket of sockets) {
      const { nonce } = socket.challenge();
      expect(nonce).toMatch(/^[0-9a-f]{64}$/);
      expect(socket.received).toEqual([
        `{"data":{"sender":"server","message":{"type":"challenge","payload":{"nonce":"${nonce}","audience":null}}}}`,
      ]);
      await socket.close();
    }
    expect(new Set(sockets.map((socket) => socket.challenge().nonce)).size).toBe(10);
  });

  it('accepts only the nonce of this socket', async () => {
    const user = await registerUser(relay.http);
    const other = await PlainClient.challenged(relay.ws);
    const { nonce } = other.challenge();
    for (const wrong of [nonce, '', '00'.repeat(32), nonce.toUpperCase()]) {
      const socket = await tryConnect(relay, {
        user,
        data: connectText(user.code, { nonce: wrong, audience: null }),
      });
      expect(socket.errors()).toEqual([
        { code: 'bad_challenge', detail: 'the nonce is not that of the challenge on this socket', frame: 1 },
      ]);
      expect(await socket.untilClosed()).toEqual({ code: 4401, reason: 'bad_challenge' });
    }
    await other.close();
  });

  it('can be answered once: the same bytes are refused on a later socket and by protocol 1', async () => {
    const user = await registerUser(relay.http);
    const socket = await PlainClient.challenged(relay.ws);
    const data = connectText(user.code, { nonce: socket.challenge().nonce, audience: null });
    socket.sendData(user, data);
    await socket.until(() => socket.received.length > 1);
    expect(socket.received[1]).toContain('connect_ack');
    await socket.close();
    const again = await tryConnect(relay, { user, data });
    expect(again.errors()[0]?.code).toBe('bad_challenge');
    const by1 = await tryConnect(relay, { user, data, subprotocols: [] });
    expect(by1.errors()[0]).toMatchObject({
      code: 'bad_frame',
      detail: expect.stringContaining('protocol 2'),
    });
    expect((await by1.untilClosed()).code).toBe(4400);
  });

  it('is not answered by a connect of protocol 1', async () => {
    const user = await registerUser(relay.http);
    const socket = await tryConnect(relay, { user, data: connectText(user.code) });
    expect(socket.errors()[0]).toMatchObject({
      code: 'bad_frame',
      detail: expect.stringContaining('payload'),
    });
    expect((await socket.untilClosed()).code).toBe(4400);
  });

  it.each([
    ['no nonce', '{"audience":null}', /exactly nonce and audience/],
    ['no audience', '{"nonce":"00"}', /exactly nonce and audience/],
    ['more than both', '{"nonce":"00","audience":null,"x":1}', /exactly nonce and audience/],
    ['a nonce that is a number', '{"nonce":1,"audience":null}', /^nonce must be a string/],
    ['an audience that is a list', '{"nonce":"00","audience":[]}', /^audience must be a string or null/],
    ['names in other case', '{"Nonce":"00","audience":null}', /nonce is missing|only by case/],
    ['an array for payload', '["00",null]', /exactly nonce and audience/],
  ])('is not answered by %s: bad_frame', async (_what, payload, says) => {
    const user = await registerUser(relay.http);
    const data = `{"sender":"${user.code}","message":{"type":"connect","payload":${payload}}}`;
    const socket = await tryConnect(relay, { user, data });
    expect(socket.errors()).toEqual([{ code: 'bad_frame', detail: expect.stringMatching(says), frame: 1 }]);
    expect(await socket.untilClosed()).toEqual({ code: 4400, reason: 'bad_frame' });
  });

  it('comes before everything: an ack or envelope before the answer is refused', async () => {
    const early = await PlainClient.challenged(relay.ws);
    early.ack('1-1');
    expect(await early.untilClosed()).toEqual({ code: 4400, reason: 'bad_frame' });
    expect(early.errors()[0]?.detail).toBe('an ack came before connect');
  });
});

describe('expired envelopes', () => {
  it('are counted in the next connect_ack, each once', async () => {
    const shortlived = await processes.relay({ RELAY_MAILBOX_TTL: '1' });
    const [alice, bob] = [await registerUser(shortlived.http), await registerUser(shortlived.http)];
    const socket = await PlainClient.login(shortlived.ws, alice);
    const data = (id: string) =>
      `{"sender":"${alice.code}","recipient":"${bob.code}","id":"${id}","message":{"type":"message"}}`;
    for (const id of ['a', 'b', 'c']) socket.sendData(alice, data(id));
    await socket.until(() => socket.accepted().length === 3);

    async function greeting(): Promise<Record<string, unknown> | undefined> {
      const receiver = await PlainClient.login(shortlived.ws, bob, { protocol: 2 });
      await receiver.close();
      return receiver.messages[1]?.payload;
    }

    // A login may come while only some of them have expired: each is counted once.
    let expired = 0;
    const allTold = async () => {
      expired += Number((await greeting())?.expired);
      return expired >= 3;
    };
    await until(allTold, { what: 'all to have expired' });
    expect(expired).toBe(3);
    expect(await greeting()).toMatchObject({ queued: 0, expired: 0 });
  });
});
