import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_CASES, type FrameCase } from '../../hostile/cases/frame-cases.ts';
import { HTTP_CASES, type HttpCase } from '../../hostile/cases/http-cases.ts';
import { type People, TEXT_CASES, type TextCase } from '../../hostile/cases/text-cases.ts';
import { HonestPair } from '../../hostile/honest-pair.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import {
  OPCODE,
  openRawWebSocket,
  RawConnection,
  type RawFrame,
  rawFrame,
  upgradeRequest,
} from '../../support/plain/raw-connection.ts';
import { postUser, registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/**
 * Hostile input → expected answer. All of it goes to one process while an honest pair exchanges envelopes through it: at
 * the end the process is the same, the pair has lost nothing, and no secret is in the log.
 */

const CANARY = `canary${randomBytes(8).toString('hex')}`;
const relay = relayForTests({ RELAY_LOG_LEVEL: 'trace', RELAY_NOISE_PER_S: '0' });
let honest: HonestPair;
let people: People;

beforeAll(async () => {
  honest = await HonestPair.start(relay, { everyMs: 20 });
  people = {
    mallory: await registerUser(relay.http),
    bob: await registerUser(relay.http),
    alice: await registerUser(relay.http),
  };
});

describe.each(Object.entries(HTTP_CASES))('%s', (_, cases) => {
  it.each(cases as HttpCase[])('$name', async ({ send, answers, ends, answerMayBeLost = false }) => {
    const connection = await RawConnection.open(relay.port);
    connection.write(send);
    if (answerMayBeLost) {
      await connection.untilEnded();
      const answer = connection.takeAnswer();
      if (answer !== null) expect(answer).toMatchObject({ status: answers[0], broken: [] });
      return;
    }
    for (const status of answers) expect(await connection.answer()).toMatchObject({ status, broken: [] });
    if (ends) await connection.untilEnded();
    // What was sent in one piece is answered in one: whatever came too much is here by now.
    else await settle(connection);
    expect(connection.takeAnswer()).toBeNull();
    expect(connection.ended).toBe(ends);
    connection.destroy();
  });
});

/** One more round trip to the relay, on another connection. */
async function settle(connection: RawConnection): Promise<void> {
  const other = await RawConnection.open(relay.port);
  other.write('GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n');
  await other.answer();
  other.destroy();
  expect(connection.socket.destroyed).toBe(false);
}

describe.each(Object.entries(FRAME_CASES))('frames: %s', (_, cases) => {
  it.each(cases as FrameCase[])('$name', async ({ frames, outcome, pongs = [] }) => {
    const connection = await openRawWebSocket(relay.port);
    for (const frame of frames) connection.write(frame);
    const got: RawFrame[] = [];
    if (outcome === 'survives') {
      connection.write(rawFrame({ opcode: OPCODE.ping, payload: 'still there' }));
      await collect(connection, got, () => payloads(got, OPCODE.pong).includes('still there'));
      expect(payloads(got, OPCODE.pong)).toEqual([...pongs, 'still there']);
      connection.destroy();
      return;
    }
    await connection.untilEnded();
    await collect(connection, got, () => true);
    expect(payloads(got, OPCODE.pong)).toEqual(pongs);
    const closes = got.filter(({ opcode }) => opcode === OPCODE.close);
    if (typeof outcome === 'number')
      expect(closes.map(({ payload }) => payload.readUInt16BE(0))).toEqual([outcome]);
    // Nothing that was broken was taken for a frame of ours.
    else expect(payloads(got, OPCODE.text)).toEqual([]);
  });
});

async function collect(connection: RawConnection, got: RawFrame[], done: () => boolean): Promise<void> {
  await until(
    () => {
      for (let frame = connection.takeFrame(); frame !== null; frame = connection.takeFrame())
        got.push(frame);
      return done();
    },
    { what: 'frames' },
  );
}

function payloads(frames: readonly RawFrame[], opcode: number): string[] {
  return frames.filter((frame) => frame.opcode === opcode).map(({ payload }) => payload.toString());
}

describe.each(Object.entries(TEXT_CASES))('text frames: %s', (_, cases) => {
  it.each(cases as TextCase[])('$name', async ({ frame, answer }) => {
    const client = await PlainClient.login(relay.ws, people.mallory);
    const startedMs = performance.now();
    client.send(frame(people));
    await client.until(() => client.errors().length + client.accepted().length > 0);
    expect([...client.errors().map(({ code }) => code), ...client.accepted().map(() => 'accepted')]).toEqual([
      answer,
    ]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    // The socket is as good as before.
    const { mallory } = people;
    const id = randomBytes(8).toString('hex');
    client.sendData(
      mallory,
      `{"sender":"${mallory.code}","recipient":"${mallory.code}","id":"${id}","message":{"type":"message"}}`,
    );
    await client.until(() => client.accepted().includes(id));
    await client.close();
  });
});

it('compression is never negotiated, and a frame that claims it ends the connection', async () => {
  for (const offer of [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'x-webkit-deflate-frame',
  ]) {
    const connection = await RawConnection.open(relay.port);
    connection.write(upgradeRequest([`Sec-WebSocket-Extensions: ${offer}`]));
    const { status, headers } = await connection.answer();
    expect([status, headers.has('sec-websocket-extensions')], offer).toEqual([101, false]);
    // RFC 7692, 6: the first reserved bit says that a message is compressed.
    connection.write(rawFrame({ opcode: OPCODE.text, payload: '{}', reserved: 4 }));
    await connection.untilEnded();
    expect(connection.takeFrame()).toBeNull();
  }
});

describe('secrets', () => {
  it('appear neither in the log nor in the metrics, whichever string contains them', async () => {
    const evil = `${CANARY}\r\nX-Injected: yes`;
    const raw = await RawConnection.open(relay.port);
    raw.write(
      `GET /users/${CANARY}?${CANARY} HTTP/1.1\r\nHost: ${CANARY}\r\nOrigin: https://${CANARY}\r\nUser-Agent: ${CANARY}\r\n` +
        `Authorization: Bearer ${CANARY}\r\nCookie: ${CANARY}\r\nX-Forwarded-For: ${CANARY}\r\n\r\n`,
    );
    expect((await raw.answer()).status).toBe(404);
    raw.destroy();
    expect(
      (await postUser(relay.http, { ecdh_public_key: CANARY, eddsa_public_key: evil, name: CANARY })).status,
    ).toBe(400);
    expect((await postUser(relay.http, `{"${CANARY}":`)).status).toBe(400);
    expect((await postUser(relay.http, CANARY, { 'content-type': CANARY })).status).toBe(415);

    const { mallory, bob } = people;
    const client = await PlainClient.login(relay.ws, mallory, {
      headers: { Origin: `https://${CANARY}`, Cookie: CANARY },
    });
    const data = (id: string, payload: string) =>
      `{"sender":"${mallory.code}","recipient":"${bob.code}","id":"${id}","message":{"type":"message","payload":${payload}}}`;
    client.sendData(mallory, data(CANARY, JSON.stringify(evil)));
    client.send(`{"${CANARY}":"${CANARY}"}`);
    client.send(data(CANARY, `"${CANARY}"`));
    client.sendData({ eddsaPrivateKey: bob.eddsaPrivateKey }, data(`${CANARY}2`, `"${CANARY}"`));
    client.ws.ping(CANARY);
    client.ws.pong(CANARY);
    await client.until(() => client.errors().length === 3);
    expect(client.accepted()).toEqual([CANARY]);
    client.ws.close(4000, CANARY);
    await client.untilClosed();

    const metrics = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
    expect(metrics).not.toContain(CANARY);
    expect(relay.output).not.toContain(CANARY);
    // Of all users who have logged in here: no payload, no signature, no connect.
    expect(relay.output).not.toMatch(/[0-9a-f]{128}|"type\\?":\\?"connect\\?"/);
    expect(relay.output).toContain('session of');
  });
});

describe('after all of this', () => {
  it('the process is the same, no error went unhandled, and the honest pair has lost nothing', async () => {
    await honest.finish();
    expect(honest.sent).toBeGreaterThan(100);
    expect(relay.ended).toBeNull();
    expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
    expect((await relay.ready()).status).toBe(200);
    await relay.untilMetric('keyrelay_sockets', (count) => count === 0);
  });
});
