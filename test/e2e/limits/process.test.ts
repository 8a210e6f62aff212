import { describe, expect, it } from 'vitest';
import { HonestPair } from '../../hostile/honest-pair.ts';
import { outlast } from '../../hostile/slow.ts';
import { plainEnvelope } from '../../support/clients/scene.ts';
import { connectText, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { OPCODE, openRawWebSocket, RawConnection, rawFrame } from '../../support/plain/raw-connection.ts';
import { upgrade } from '../../support/plain/upgrade.ts';
import { makeKeys, registerUser, registrationOf } from '../../support/plain/users.ts';
import { residentBytes } from '../../support/proc.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/** Limits of the process itself. */

const processes = processesForTests();

describe('per process', () => {
  it('silent sockets are closed in time', async () => {
    const relay = await processes.relay({ RELAY_CONNECT_TIMEOUT_MS: '1000' });
    const silent = await Promise.all(Array.from({ length: 200 }, () => openRawWebSocket(relay.port)));
    await until(() => silent.every(({ ended }) => ended), { what: 'their end', timeoutMs: 4_000 });
    expect(await relay.metric('keyrelay_logins_total', 'outcome="timeout"')).toBe(200);
  });

  it('when too many sockets have not logged in, the oldest is closed, and a new client gets in', async () => {
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

  it('a node whose event loop lags takes no new client until it keeps up, and goes on serving those that it has', async () => {
    const relay = await processes.relay({ RELAY_MAX_LAG_MS: '200' });
    const alice = await registerUser(relay.http);
    const client = await PlainClient.login(relay.ws, alice);
    const late =
      'globalThis.late = setInterval(() => { for (const end = Date.now() + 400; Date.now() < end; ); }, 1)';
    await relay.evaluate(late);
    const asks = async () => (await upgrade(relay.ws)).status;
    await until(async () => (await asks()) === 503, { what: 'a refusal' });
    const refused = await upgrade(relay.ws);
    expect(refused.headers['retry-after']).toBe('5');
    expect(refused.body).toContain('this node is too busy for new connections');
    client.send(plainEnvelope(alice, alice.code));
    await client.until(() => client.envelopes.length === 1);
    await relay.evaluate('clearInterval(globalThis.late)');
    await until(async () => (await asks()) === 101, { what: 'an upgrade that passes' });
    expect(await relay.metric('keyrelay_upgrades_refused_total', 'reason="overload"')).toBeGreaterThanOrEqual(
      2,
    );
    await client.close();
  });

  it('requests that never end take no file descriptor that a socket needs, and are cut off', async () => {
    const relay = await processes.relay({ RELAY_MAX_SOCKETS: '100' });
    const alice = await registerUser(relay.http);
    const client = await PlainClient.login(relay.ws, alice);
    const slow = await Promise.all(Array.from({ length: 700 }, () => RawConnection.open(relay.port)));
    for (const connection of slow) connection.write('POST /users HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    await until(() => slow.filter(({ ended }) => ended).length >= 100, { what: 'those beyond the bound' });
    expect(
      await relay.metric('keyrelay_connections_refused_total', 'reason="sockets"'),
    ).toBeGreaterThanOrEqual(100);
    client.send(plainEnvelope(alice, alice.code));
    await client.until(() => client.envelopes.length === 1);
    // The others do not last either.
    await until(() => slow.every(({ ended }) => ended), { what: 'the rest', timeoutMs: 25_000 });
    expect((await registerUser(relay.http)).code).toHaveLength(7);
    await client.close();
  });

  it('slow headers, slow bodies and unread answers are cut off, and honest clients notice nothing', async () => {
    const relay = await processes.relay();
    const honest = await HonestPair.start(relay, { everyMs: 20 });
    const kinds = ['slow headers', 'slow body', 'slow read'] as const;
    await Promise.all(kinds.map((kind) => outlast(relay.port, { kind, count: 50, patienceS: 40 })));
    await honest.finish();
    expect(relay.ended).toBeNull();
  });

  it('answers that the client never reads take no memory, however many requests came at once', async () => {
    const relay = await processes.relay();
    const [large = ''] = /\/main-\w+\.js/.exec(await (await fetch(relay.http)).text()) ?? [];
    const size = (await (await fetch(relay.http + large)).arrayBuffer()).byteLength;
    expect(size).toBeGreaterThan(50_000);
    const beforeBytes = residentBytes(relay.pid);
    const unread = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(relay.port)));
    for (const connection of unread) {
      connection.socket.pause();
      connection.write(`GET ${large} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(1_000));
    }
    // Gigabytes were asked for. By then all that was sent has been looked at.
    await until(async () => (await fetch(`${relay.http}/nothing`)).status === 404, { what: 'an answer' });
    expect(residentBytes(relay.pid) - beforeBytes).toBeLessThan(50 * 2 ** 20);
    for (const connection of unread) connection.destroy();
  });

  it('a slow reader gets the whole of a large answer, and then another one', async () => {
    const relay = await processes.relay();
    const [large = ''] = /\/main-\w+\.js/.exec(await (await fetch(relay.http)).text()) ?? [];
    const whole = await (await fetch(relay.http + large)).text();
    const connection = await RawConnection.open(relay.port);
    for (let n = 0; n < 2; n += 1) {
      connection.socket.pause();
      connection.write(`GET ${large} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await fetch(`${relay.http}/nothing`);
      connection.socket.resume();
      expect((await connection.answer()).body).toBe(whole);
    }
    connection.destroy();
  });

  it('requests aborted at any byte, and sockets closed while they log in, do no harm', async () => {
    const relay = await processes.relay();
    const alice = await registerUser(relay.http);
    const keys = makeKeys();
    const body = JSON.stringify(registrationOf(keys));
    const request = `POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let byte = 1; byte <= request.length; byte += 1) {
      const connection = await RawConnection.open(relay.port);
      connection.write(request.slice(0, byte));
      if (byte % 2 === 0) connection.socket.resetAndDestroy();
      else connection.socket.end();
    }
    const connect = frameOf(alice, connectText(alice.code));
    for (let n = 0; n < 200; n += 1) {
      const raw = await openRawWebSocket(relay.port);
      raw.write(rawFrame({ opcode: OPCODE.text, payload: connect }));
      raw.socket.resetAndDestroy();
    }
    await relay.untilMetric('keyrelay_sockets', (count) => count === 0);
    expect(relay.ended).toBeNull();
    expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
    const client = await PlainClient.login(relay.ws, alice);
    await client.close();
  });
});
