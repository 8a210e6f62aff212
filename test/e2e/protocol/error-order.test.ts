import { describe, expect, it } from 'vitest';
import { loggedIn, proveOpen, type Scene, scene, toBob } from '../../support/clients/scene.ts';
import { envelopeFrame, envelopeText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, signHex } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 5: which error comes first, which frame it names, and how many are too many. */
const MAILBOX_ENVELOPES = 3;
const relay = relayForTests({
  RELAY_ENVELOPES_PER_S: '0',
  RELAY_MAILBOX_ENVELOPES: `${MAILBOX_ENVELOPES}`,
  RELAY_MAILBOX_SHARE: '100',
});
/** Two envelopes in a burst. */
const slow = relayForTests({ RELAY_ENVELOPES_PER_S: '1' });

const otherKeys = makeKeys();

async function firstError({ socket }: Scene): Promise<string | undefined> {
  await socket.until(() => socket.errors().length > 0);
  return socket.errors()[0]?.code;
}

describe('of two faults the relay names the one that it checks first', () => {
  it('size before JSON', async () => {
    const on = await loggedIn(relay);
    on.socket.send('{'.repeat(70_000));
    expect(await firstError(on)).toBe('too_large');
  });

  it('JSON and shape before being connected', async () => {
    const on = await scene(relay);
    on.socket.send('{"data":{"sender":"');
    expect(await firstError(on)).toBe('bad_frame');
    const other = await scene(relay);
    other.socket.sendData(other.alice, `{"sender":"${other.alice.code}","message":{"type":"message"}}`);
    expect(await firstError(other)).toBe('bad_frame');
  });

  it('being connected before sender and signature', async () => {
    const on = await scene(relay);
    on.socket.sendData(otherKeys, envelopeText({ sender: '0000000', recipient: '0000000' }));
    expect(await firstError(on)).toBe('not_connected');
  });

  it('shape before the sender', async () => {
    const on = await loggedIn(relay);
    on.socket.sendData(otherKeys, envelopeText({ sender: on.bob.code, recipient: 'nobody' }));
    expect(await firstError(on)).toBe('bad_frame');
  });

  it('the sender before rate, signature and recipient', async () => {
    const on = await loggedIn(slow);
    for (let n = 0; n < 2; n += 1) on.socket.sendData(on.alice, toBob(on));
    on.socket.sendData(otherKeys, envelopeText({ sender: on.bob.code, recipient: '0000000' }));
    expect(await firstError(on)).toBe('sender_mismatch');
  });

  it('rate before the signature', async () => {
    const on = await loggedIn(slow);
    for (let n = 0; n < 2; n += 1) on.socket.sendData(on.alice, toBob(on));
    on.socket.sendData(otherKeys, toBob(on));
    expect(await firstError(on)).toBe('rate_limited');
  });

  it('the signature before the recipient', async () => {
    const on = await loggedIn(relay);
    on.socket.sendData(otherKeys, envelopeText({ sender: on.alice.code, recipient: '0000000' }));
    expect(await firstError(on)).toBe('bad_signature');
  });

  it('the recipient before a duplicate', async () => {
    const on = await loggedIn(relay);
    on.socket.sendData(on.alice, toBob(on, { id: 'same' }));
    const elsewhere = { sender: on.alice.code, recipient: '0000000', id: 'same' };
    on.socket.sendData(on.alice, envelopeText(elsewhere));
    expect(await firstError(on)).toBe('recipient_unknown');
  });

  it('a duplicate before the quota: a full mailbox accepts a repeat, and a conflict stays one', async () => {
    const on = await loggedIn(relay);
    for (let n = 0; n < MAILBOX_ENVELOPES; n += 1) on.socket.sendData(on.alice, toBob(on, { id: `id-${n}` }));
    await on.socket.until(() => on.socket.accepted().length === MAILBOX_ENVELOPES);
    on.socket.sendData(on.alice, toBob(on, { id: 'id-0' }));
    await on.socket.until(() => on.socket.accepted().length === MAILBOX_ENVELOPES + 1);
    on.socket.sendData(on.alice, toBob(on, { id: 'id-0', payload: 'other' }));
    expect(await firstError(on)).toBe('id_conflict');
  });

  it('by protocol 2, the challenge before the signature', async () => {
    const { alice } = await scene(relay);
    const socket = await PlainClient.challenged(relay.ws);
    const payload = `{"nonce":"${'00'.repeat(32)}","audience":null}`;
    const data = `{"sender":"${alice.code}","message":{"type":"connect","payload":${payload}}}`;
    socket.sendData(otherKeys, data);
    await socket.until(() => socket.errors().length > 0);
    expect(socket.errors()[0]?.code).toBe('bad_challenge');
  });
});

describe('the frame that an error names', () => {
  it('is counted from 1, connect included, whatever comes between', async () => {
    const on = await loggedIn(relay);
    const { socket, alice } = on;
    const wrong = () => socket.sendData(otherKeys, toBob(on));
    wrong();
    socket.sendData(alice, toBob(on, { id: 'fine' }));
    wrong();
    socket.ws.ping('not a frame');
    socket.send('neither JSON');
    socket.send(envelopeFrame(alice, { recipient: '0000000' }));
    await socket.until(() => socket.errors().length === 4 && socket.accepted().length === 1);
    const named = socket.errors().map(({ code, frame }) => [frame, code]);
    expect(named.sort()).toEqual([
      [2, 'bad_signature'],
      [4, 'bad_signature'],
      [5, 'bad_frame'],
      [6, 'recipient_unknown'],
    ]);
  });

  it('comes with its id, also if the frame is malformed but the id can be read', async () => {
    const on = await loggedIn(relay);
    const { socket, alice } = on;
    const signature = signHex(alice, '{}');
    socket.send(`{"data":{"id":"mine","sender":7},"signature":"${signature}"}`);
    socket.send(`{"data":{"id":"twice","id":"twice"},"signature":"${signature}"}`);
    socket.send(`{"data":{"id":"not an id"},"signature":"${signature}"}`);
    await socket.until(() => socket.errors().length === 3);
    expect(socket.errors().map(({ id }) => id)).toEqual(['mine', undefined, undefined]);
  });
});

describe('faults', () => {
  it('of a client leave the socket open nine times; the tenth within a minute closes it with 4400', async () => {
    const on = await loggedIn(relay);
    const { socket, alice, bob } = on;
    const faults = [
      () => socket.send('{}'),
      () => socket.sendData(otherKeys, toBob(on)),
      () => socket.sendData(alice, envelopeText({ sender: bob.code, recipient: bob.code })),
    ];
    for (let n = 0; n < 9; n += 1) faults[n % 3]?.();
    await socket.until(() => socket.errors().length === 9);
    await proveOpen(on);
    socket.send('[]');
    expect(await socket.untilClosed()).toEqual({ code: 4400, reason: '10 faults within a minute' });
    expect(socket.errors().length).toBe(10);
  });

  it("that are not the client's leave it open, however many", async () => {
    const on = await loggedIn(relay);
    const { socket, alice } = on;
    for (let n = 0; n < 15; n += 1) socket.send(envelopeFrame(alice, { recipient: '0000000' }));
    for (let n = 0; n < MAILBOX_ENVELOPES + 15; n += 1) socket.sendData(alice, toBob(on));
    await socket.until(() => socket.errors().length === 30);
    expect(new Set(socket.errors().map(({ code }) => code))).toEqual(
      new Set(['recipient_unknown', 'mailbox_full']),
    );
    await proveOpen(on);
  });

  it('before login close at once', async () => {
    const on = await scene(relay);
    on.socket.send('{}');
    expect(await on.socket.untilClosed()).toEqual({ code: 4400, reason: 'bad_frame' });
    expect(on.socket.errors().length).toBe(1);
  });
});
