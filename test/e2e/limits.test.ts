import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { OPCODE, openRawWebSocket, RawConnection, rawFrame, upgradeRequest } from '../hostile/raw.ts';
import { frameOf, makeKeys, PlainClient, type PlainUser, postUser, registerUser } from '../support/client.ts';
import { Processes, type RelayProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';

/** Limits per address, user and process, each at a node that has nothing but this limit. */

const processes = new Processes();
afterAll(() => processes.stop());

function envelope(sender: PlainUser, recipient: string, id = randomBytes(8).toString('hex')): string {
  const data = `{"sender":"${sender.code}","recipient":"${recipient}","id":"${id}","message":{"type":"message"}}`;
  return frameOf(sender, data);
}

const answers = (client: PlainClient) => client.errors().length + client.accepted().length;

/** Logs in by protocol 2. */
async function login2(relay: RelayProcess, user: PlainUser): Promise<PlainClient> {
  const client = await PlainClient.open(relay.ws, { subprotocols: ['relay.v2'] });
  await client.until(() => client.received.length === 1);
  client.sendData(user, answerTo(client, user));
  await client.until(() => client.received.length > 1);
  return client;
}

/** What answers the challenge on this socket. */
function answerTo(client: PlainClient, user: PlainUser): string {
  const nonce = /"nonce":"([0-9a-f]{64})"/.exec(client.received[0] ?? '')?.[1] ?? '';
  const payload = `{"nonce":"${nonce}","audience":null}`;
  return `{"sender":"${user.code}","message":{"type":"connect","payload":${payload}}}`;
}

async function upgradeStatus(relay: RelayProcess, more: readonly string[] = []): Promise<number> {
  const connection = await RawConnection.open(relay.port);
  connection.write(upgradeRequest(more));
  const { status } = await connection.answer();
  connection.destroy();
  return status;
}

describe('per address', () => {
  it('upgrades beyond the rate get 429, and a forged X-Forwarded-For changes nothing', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '1' });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1)
      statuses.push(await upgradeStatus(relay, [`X-Forwarded-For: 10.0.0.${n}`]));
    expect(statuses).toEqual([101, 101, 429]);
    expect(await relay.metric('keyrelay_upgrades_refused_total', 'address_rate')).toBe(1);
  });

  it('behind a trusted proxy what it appended counts, not what the client wrote before, in one line or two', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '1', RELAY_TRUSTED_PROXIES: '127.0.0.0/8' });
    const oneLine = (n: number) => [`X-Forwarded-For: 10.0.0.${n}, 192.0.2.1`];
    const twoLines = (n: number) => [`X-Forwarded-For: 10.0.0.${n}`, 'X-Forwarded-For: 192.0.2.2'];
    for (const forged of [oneLine, twoLines]) {
      const statuses: number[] = [];
      for (let n = 0; n < 3; n += 1) statuses.push(await upgradeStatus(relay, forged(n)));
      expect(statuses).toEqual([101, 101, 429]);
    }
    expect(await upgradeStatus(relay, ['X-Forwarded-For: 192.0.2.3'])).toBe(101);
  });

  it('connections that ask for nothing are refused at twice the rate of upgrades', async () => {
    const relay = await processes.relay({ RELAY_UPGRADES_PER_S: '5' });
    const silent = await Promise.all(Array.from({ length: 30 }, () => RawConnection.open(relay.port)));
    await until(async () => (await relay.metric('keyrelay_connections_refused_total', 'address_rate')) >= 5, {
      what: 'refused connections',
    });
    await until(() => silent.filter(({ ended }) => ended).length >= 5, { what: 'their end' });
    expect(silent.filter(({ ended }) => !ended).length).toBeGreaterThanOrEqual(20);
    for (const connection of silent) connection.destroy();
  });

  it('registrations beyond the rate get 429 with Retry-After, by whatever keys', async () => {
    const relay = await processes.relay({ RELAY_REGISTRATIONS_PER_MIN: '5' });
    const statuses: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const { ecdhPublicKey, eddsaPublicKey } = makeKeys();
      const response = await postUser(relay.http, {
        ecdh_public_key: ecdhPublicKey,
        eddsa_public_key: eddsaPublicKey,
      });
      statuses.push(response.status);
      if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(statuses.filter((status) => status === 201).length).toBe(5);
    expect(statuses.slice(-40)).toEqual(Array(40).fill(429));
  });

  it('codes tried by sending draw from the budget of look-ups, and beyond it users and nobody look alike', async () => {
    const relay = await processes.relay({ RELAY_LOOKUPS_PER_MIN: '3' });
    const [mallory, bob, carol] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const client = await PlainClient.login(relay.ws, mallory);
    // Somebody reached costs nothing, however often.
    for (let n = 0; n < 10; n += 1) client.send(envelope(mallory, bob.code));
    await client.until(() => client.accepted().length === 10);
    for (const nobody of ['ZZZZZZ0', 'ZZZZZZ1', 'ZZZZZZ2']) client.send(envelope(mallory, nobody));
    await client.until(() => client.errors().length === 3);
    expect(client.errors().map(({ code }) => code)).toEqual(Array(3).fill('recipient_unknown'));
    client.send(envelope(mallory, 'ZZZZZZ3'));
    client.send(envelope(mallory, carol.code));
    await client.until(() => client.errors().length === 5);
    const [nobody, somebody] = client.errors().slice(3);
    expect(nobody?.code).toBe('rate_limited');
    expect(somebody).toMatchObject({ code: nobody?.code, detail: nobody?.detail });
    expect((await fetch(`${relay.http}/users/${carol.code}`)).status).toBe(429);
    client.send(envelope(mallory, bob.code));
    await client.until(() => client.accepted().length === 11);
    await client.close();
  });
});

describe('per user', () => {
  it('envelopes beyond the rate are refused over a reconnect too, and the flooder can still confirm', async () => {
    const relay = await processes.relay({ RELAY_ENVELOPES_PER_S: '2' });
    const [mallory, alice] = [await registerUser(relay.http), await registerUser(relay.http)];
    const first = await PlainClient.login(relay.ws, mallory);
    for (let n = 0; n < 20; n += 1) first.send(envelope(mallory, alice.code));
    await first.until(() => answers(first) === 20);
    expect(first.accepted().length).toBeLessThanOrEqual(6);
    await first.close();

    const second = await PlainClient.login(relay.ws, mallory);
    const honest = await PlainClient.login(relay.ws, alice);
    for (let n = 0; n < 5; n += 1) second.send(envelope(mallory, alice.code));
    honest.send(envelope(alice, mallory.code));
    await second.until(() => answers(second) === 5 && second.envelopes.length === 1);
    expect(second.accepted().length).toBeLessThanOrEqual(2);
    expect(second.errors()[0]).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) });
    await until(async () => (await relay.metric('keyrelay_envelopes_confirmed_total')) >= 1, {
      what: 'her receipt',
    });
    await second.close();
    await honest.close();
  });

  it('a flood of refused frames, pings, pongs or acks ends with 4429', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '2', RELAY_ENVELOPES_PER_S: '1' });
    const floods: Record<string, (client: PlainClient, user: PlainUser) => void> = {
      frames: (client, user) => client.send(envelope(user, user.code)),
      pings: (client) => client.ws.ping(),
      pongs: (client) => client.ws.pong('0-0'),
      acks: (client) => client.send('{"ack":"0-0"}'),
    };
    for (const flood of Object.values(floods)) {
      const user = await registerUser(relay.http);
      const client = await login2(relay, user);
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

  it('bad signatures: the tenth closes the socket', async () => {
    const relay = await processes.relay();
    const [mallory, other] = [await registerUser(relay.http), makeKeys()];
    const client = await PlainClient.login(relay.ws, mallory);
    const data = `{"sender":"${mallory.code}","recipient":"${mallory.code}","message":{"type":"message"}}`;
    for (let n = 0; n < 50; n += 1) client.send(frameOf(other, data));
    expect((await client.untilClosed()).code).toBe(4400);
    expect(client.errors().map(({ code }) => code)).toEqual(Array(10).fill('bad_signature'));
    expect(await relay.metric('keyrelay_envelopes_received_total', 'bad_signature')).toBe(10);
  });
});

describe('receipts', () => {
  const RUBBISH = ['$', '-', '+', '0-0', '*', '99999999999999999-0', '1-1', 'x'.repeat(125), '\r\n', '\0'];

  it('pongs with foreign, future and malformed ids remove nothing', async () => {
    const relay = await processes.relay({ RELAY_NOISE_PER_S: '0' });
    const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
    const sender = await PlainClient.login(relay.ws, alice);
    const deaf = await PlainClient.login(relay.ws, bob, { autoPong: false });
    for (let n = 0; n < 3; n += 1) sender.send(envelope(alice, bob.code));
    await deaf.until(() => deaf.envelopes.length === 3);
    for (let n = 0; n < 10_000; n += 1) deaf.ws.pong(RUBBISH[n % RUBBISH.length]);
    await until(async () => (await relay.metric('keyrelay_foreign_receipts_total', 'pong')) >= 9_000, {
      what: 'the pongs to be counted',
    });
    await deaf.close();
    const again = await PlainClient.login(relay.ws, bob);
    await again.until(() => again.envelopes.length === 3);
    expect(again.envelopes).toEqual(deaf.envelopes);
    await again.close();
    await sender.close();
  });

  it("another's ids, seen on another socket, remove nothing", async () => {
    const relay = await processes.relay();
    const [alice, bob, carol] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const sender = await PlainClient.login(relay.ws, alice);
    const bobs = await PlainClient.login(relay.ws, bob, { autoPong: false });
    const carols = await PlainClient.login(relay.ws, carol, { autoPong: false });
    sender.send(envelope(alice, bob.code));
    sender.send(envelope(alice, carol.code));
    await bobs.until(() => bobs.pings.length > 0);
    await carols.until(() => carols.pings.length > 0);
    for (const ping of carols.pings) bobs.ws.pong(ping);
    await until(async () => (await relay.metric('keyrelay_foreign_receipts_total', 'pong')) >= 1, {
      what: 'the pong',
    });
    expect(await relay.metric('keyrelay_envelopes_confirmed_total')).toBe(0);
    for (const client of [sender, bobs, carols]) await client.close();
  });
});

describe('replays', () => {
  it("the same envelope a thousand times is stored once, and in nobody else's name", async () => {
    const relay = await processes.relay({ RELAY_ENVELOPES_PER_S: '0' });
    const [alice, bob, mallory] = [
      await registerUser(relay.http),
      await registerUser(relay.http),
      await registerUser(relay.http),
    ];
    const client = await PlainClient.login(relay.ws, alice);
    const frame = envelope(alice, bob.code, 'once');
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
    const connect = frameOf(alice, `{"sender":"${alice.code}","message":{"type":"connect"}}`);
    const overheard = async () => {
      const thief = await PlainClient.open(relay.ws);
      thief.send(connect);
      await thief.until(() => thief.received.length > 0);
      return thief;
    };
    const thief = await overheard();
    expect(thief.received[0]).toContain('"connect_ack"');
    // He cannot send in her name: he has no key.
    thief.send(
      frameOf(makeKeys(), `{"sender":"${alice.code}","recipient":"${alice.code}","message":{"type":"m"}}`),
    );
    await thief.until(() => thief.errors().length > 0);
    expect(thief.errors()[0]?.code).toBe('bad_signature');

    const hers = await PlainClient.open(relay.ws, { subprotocols: ['relay.v2'] });
    await hers.until(() => hers.received.length === 1);
    const answer = answerTo(hers, alice);
    hers.send(frameOf(alice, answer));
    await hers.until(() => hers.received.length > 1);
    expect(hers.received[1]).toContain('"connect_ack"');
    await thief.untilClosed();

    expect((await (await overheard()).untilClosed()).code).toBe(4401);
    // And that connect answers one challenge, on one socket.
    const replayed = await PlainClient.open(relay.ws, { subprotocols: ['relay.v2'] });
    replayed.send(frameOf(alice, answer));
    expect(await replayed.untilClosed()).toEqual({ code: 4401, reason: 'bad_challenge' });
    expect(hers.closed).toBeNull();
    await hers.close();
  });
});

describe('per process', () => {
  it('silent sockets are closed in time', async () => {
    const relay = await processes.relay({ RELAY_CONNECT_TIMEOUT_MS: '1000' });
    const silent = await Promise.all(Array.from({ length: 200 }, () => openRawWebSocket(relay.port)));
    await until(() => silent.every(({ ended }) => ended), { what: 'their end', timeoutMs: 4_000 });
    expect(await relay.metric('keyrelay_logins_total', 'outcome="timeout"')).toBe(200);
  });

  it('when too many sockets are without a login, the oldest gives way, and a newcomer gets in', async () => {
    const relay = await processes.relay({ RELAY_MAX_PENDING: '20' });
    const alice = await registerUser(relay.http);
    const silent: RawConnection[] = [];
    for (let n = 0; n < 25; n += 1) silent.push(await openRawWebSocket(relay.port));
    const client = await PlainClient.login(relay.ws, alice);
    await until(() => silent.filter(({ ended }) => ended).length >= 6, { what: 'the oldest to be closed' });
    expect(silent.map(({ ended }) => ended)).toEqual(silent.map((_, index) => index < 6));
    await client.close();
    for (const connection of silent) connection.destroy();
  });

  it('requests that never end take no file that a socket needs, and are cut off', {
    timeout: 40_000,
  }, async () => {
    const relay = await processes.relay({ RELAY_MAX_SOCKETS: '100' });
    const alice = await registerUser(relay.http);
    const client = await PlainClient.login(relay.ws, alice);
    const slow = await Promise.all(Array.from({ length: 700 }, () => RawConnection.open(relay.port)));
    for (const connection of slow) connection.write('POST /users HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    await until(() => slow.filter(({ ended }) => ended).length >= 100, { what: 'those beyond the bound' });
    expect(
      await relay.metric('keyrelay_connections_refused_total', 'reason="sockets"'),
    ).toBeGreaterThanOrEqual(100);
    client.send(envelope(alice, alice.code));
    await client.until(() => client.envelopes.length === 1);
    // The others do not last either.
    await until(() => slow.every(({ ended }) => ended), { what: 'the rest', timeoutMs: 25_000 });
    expect((await registerUser(relay.http)).code).toHaveLength(7);
    await client.close();
  });

  it('requests aborted at any byte, and sockets closed while they log in, end nothing but themselves', async () => {
    const relay = await processes.relay();
    const alice = await registerUser(relay.http);
    const keys = makeKeys();
    const body = JSON.stringify({
      ecdh_public_key: keys.ecdhPublicKey,
      eddsa_public_key: keys.eddsaPublicKey,
    });
    const request = `POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let byte = 1; byte <= request.length; byte += 1) {
      const connection = await RawConnection.open(relay.port);
      connection.write(request.slice(0, byte));
      if (byte % 2 === 0) connection.socket.resetAndDestroy();
      else connection.socket.end();
    }
    const connect = frameOf(alice, `{"sender":"${alice.code}","message":{"type":"connect"}}`);
    for (let n = 0; n < 200; n += 1) {
      const raw = await openRawWebSocket(relay.port);
      raw.write(rawFrame({ opcode: OPCODE.text, payload: connect }));
      raw.socket.resetAndDestroy();
    }
    await until(async () => (await relay.metric('keyrelay_sockets')) === 0, {
      what: 'all sockets to be gone',
    });
    expect(relay.ended).toBeNull();
    expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
    const client = await PlainClient.login(relay.ws, alice);
    await client.close();
  });
});
