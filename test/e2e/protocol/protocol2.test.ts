import { beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { connectText, envelopeFrame, envelopeText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser, signHex } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

/** docs/protocol.md, section 4, after the login: seq, ack, drained. Alice speaks protocol 1, Bob protocol 2. */
describe.each(PAIRS)('protocol 2, %s', (where) => {
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

  const write = (payload: unknown) => sendStored(socket, { sender: alice, recipient: bob.code, payload });

  async function writeAll(count: number): Promise<string[]> {
    const frames = Array.from({ length: count - 1 }, (_, n) =>
      envelopeFrame(alice, { recipient: bob.code, payload: n }),
    );
    for (const frame of frames) socket.send(frame);
    return [...frames, await write('last')];
  }

  const withSeq = (frame: string, seq: string | undefined, tries = '') =>
    frame.replace(/}$/, `,"seq":"${seq}"${tries}}`);
  const withSeqs = (frames: readonly string[], receiver: PlainClient) =>
    frames.map((frame, n) => withSeq(frame, receiver.seqs()[n]));
  /** The first of them had been sent before, to a client that ended without acknowledging it. */
  const againWithSeqs = ([first = '', ...others]: readonly string[], receiver: PlainClient) => [
    withSeq(first, receiver.seqs()[0], ',"tries":2'),
    ...others.map((frame, n) => withSeq(frame, receiver.seqs()[n + 1])),
  ];

  /** What has come by the time that an answer of the relay comes behind it. */
  async function settled(receiver: PlainClient): Promise<void> {
    const answered = new Promise((resolve) => receiver.ws.once('pong', resolve));
    receiver.ws.ping();
    await answered;
  }

  /** Receipts sent on Bob's socket have taken effect: they reach the store before this envelope does. */
  async function confirmed(receiver: PlainClient): Promise<void> {
    const carol = await registerUser(pair.two.http);
    await sendStored(receiver, { sender: bob, recipient: carol.code });
  }

  it('sends in connect_ack how many envelopes wait, the time, and every limit', async () => {
    await write(1);
    await write(2);
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    const ack = receiver.messages[1];
    expect(ack).toEqual({
      recipient: bob.code,
      type: 'connect_ack',
      payload: {
        queued: 2,
        expired: 0,
        server_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
        prekeys: { generation: 0, left: 0, store: expect.stringMatching(/^\S+$/) },
        limits: {
          max_frame_bytes: 65_536,
          max_delivered_bytes: 65_600,
          mailbox_envelopes: 1_000,
          mailbox_bytes: 4_194_304,
          mailbox_ttl_s: 604_800,
          window_envelopes: 256,
          window_bytes: 1_048_576,
          envelopes_per_s: 0,
          bytes_per_s: 4_194_304,
        },
      },
    });
    const { payload } = ack ?? {};
    expect(Object.keys(payload ?? {})).toEqual(['queued', 'expired', 'server_time', 'prekeys', 'limits']);
    expect(Math.abs(Date.parse(String(payload?.server_time)) - Date.now())).toBeLessThan(60_000);
    await receiver.close();
  });

  it('delivers waiting and live envelopes with a seq before the last brace, and nothing else changed', async () => {
    const waited = [await write('waits'), await write('too')];
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    const live = await write('live');
    const envelopes = await receiver.untilEnvelopes(3);
    expect(envelopes).toEqual(withSeqs([...waited, live], receiver));
    expect(new Set(receiver.seqs()).size).toBe(3);
    for (const seq of receiver.seqs()) expect(seq).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]{1,40}$/);
    await receiver.close();
  });

  it('confirms by ack, cumulatively: envelopes behind it are sent again', async () => {
    const frames = await writeAll(5);
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await receiver.untilEnvelopes(5);
    receiver.ack(receiver.seqs()[2] ?? '');
    await confirmed(receiver);
    await receiver.cut();
    const again = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await again.untilEnvelopes(2);
    expect(again.envelopes).toEqual(againWithSeqs(frames.slice(3), again));
    again.ack(again.seqs()[1] ?? '');
    await confirmed(again);
    await again.close();
    const empty = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    expect(empty.messages[1]?.payload).toMatchObject({ queued: 0 });
    await empty.close();
  });

  it('pings for liveness only: a pong confirms nothing', async () => {
    const frame = await write('unconfirmed');
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await receiver.untilEnvelopes(1);
    await receiver.until(() => receiver.pings.filter((ping) => ping === receiver.seqs()[0]).length >= 2);
    await confirmed(receiver);
    await receiver.close();
    const again = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await again.untilEnvelopes(1);
    expect(again.envelopes).toEqual(againWithSeqs([frame], again));
    await again.close();
  });

  it('ignores an ack for what it has not sent on this socket, ahead or behind', async () => {
    const frames = await writeAll(2);
    const earlier = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await earlier.untilEnvelopes(2);
    const [first = '', second = ''] = earlier.seqs();
    const [ms = '0', tag = '0'] = second.split('-');
    await earlier.cut();
    const third = await write('third');

    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await receiver.untilEnvelopes(3);
    receiver.ack(first);
    await confirmed(receiver);
    const ahead = [`${BigInt(ms) + 1_000_000n}-${tag}`, '18446744073709551615-18446744073709551615'];
    const wrong = [
      '',
      ' ',
      '0-0',
      '$',
      '-',
      '+',
      ms,
      `${ms}-${Number(tag) + 1}`,
      ` ${second}`,
      'x'.repeat(1_000),
    ];
    // Behind: confirmed already.
    for (const seq of [...ahead, ...wrong, first]) receiver.ack(seq);
    receiver.send('{"ack":"\\u0000"}');
    await confirmed(receiver);
    expect(receiver.errors()).toEqual([]);
    await receiver.cut();
    const again = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await again.untilEnvelopes(2);
    expect(again.envelopes).toEqual(againWithSeqs([frames[1] ?? '', third], again));
    await again.close();
  });

  it('accepts an ack in any JSON spelling: it is unsigned', async () => {
    await write('one');
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await receiver.untilEnvelopes(1);
    const [seq = ''] = receiver.seqs();
    receiver.send(` { "\\u0061ck" :\n"\\u00${seq.charCodeAt(0).toString(16)}${seq.slice(1)}" } `);
    await confirmed(receiver);
    await receiver.close();
    const again = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    expect(again.messages[1]?.payload).toMatchObject({ queued: 0 });
    await again.close();
  });

  it.each([
    ['a number', '{"ack":1}', /^ack must be a string/],
    ['null', '{"ack":null}', /^ack must be a string/],
    ['a list', '{"ack":["1-1"]}', /^ack must be a string/],
    ['beside another member', '{"ack":"1-1","x":1}', /^an ack stands alone/],
    ['twice', '{"ack":"1-1","ack":"1-1"}', /^a name stands twice/],
    ['in other case', '{"Ack":"1-1"}', /only by case/],
  ])('refuses an ack that is %s with bad_frame', async (_what, frame, says) => {
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    receiver.send(frame);
    expect(await receiver.nextError()).toEqual({
      code: 'bad_frame',
      detail: expect.stringMatching(says),
      frame: 2,
    });
    await receiver.close();
  });

  it('refuses an ack that would smuggle an envelope', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    const data = envelopeText({ sender: bob.code, recipient: alice.code });
    receiver.send(`{"ack":"1-1","data":${data},"signature":"${signHex(bob, data)}"}`);
    expect(await receiver.nextError()).toMatchObject({ code: 'bad_frame' });
    await receiver.close();
  });

  it('sends drained once, behind the last waiting envelope and before live ones', async () => {
    await writeAll(300);
    const receiver = await PlainClient.open(pair.two.ws, { protocol: 2 });
    receiver.ws.on('message', () => acknowledge(receiver));
    await receiver.until(() => receiver.received.length > 0);
    const { nonce, audience } = receiver.challenge();
    receiver.sendData(bob, connectText(bob.code, { nonce, audience }));
    await receiver.until(() => receiver.received.some(isDrained));
    await write('live');
    await receiver.untilEnvelopes(301);
    await settled(receiver);
    // challenge, connect_ack, 300 envelopes, drained, 1 envelope
    expect(receiver.received.findIndex(isDrained)).toBe(302);
    expect(receiver.received[302]).toBe(
      `{"data":{"sender":"server","recipient":"${bob.code}","message":{"type":"drained"}}}`,
    );
    expect(receiver.received.filter(isDrained).length).toBe(1);
    expect(receiver.received.length).toBe(304);
    await receiver.close();
  });

  it('sends drained at once where nothing waits', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await write('live');
    await receiver.untilEnvelopes(1);
    const kinds = receiver.received.map((text) => /"type":"(\w+)"/.exec(text)?.[1]);
    expect(kinds).toEqual(['challenge', 'connect_ack', 'drained', 'message']);
    await receiver.close();
  });

  it('does not send drained before the window lets the last envelope through', async () => {
    await writeAll(300);
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    await receiver.untilEnvelopes(256);
    await settled(receiver);
    expect(receiver.envelopes.length).toBe(256);
    expect(receiver.received.some(isDrained)).toBe(false);
    receiver.ack(receiver.seqs()[255] ?? '');
    await receiver.until(() => receiver.received.some(isDrained));
    expect(receiver.envelopes.length).toBe(300);
    await receiver.close();
  });

  it('answers accepted and errors as protocol 1 does, and counts acks among the frames', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob, { protocol: 2 });
    receiver.ack('unknown');
    receiver.send(envelopeFrame(bob, { recipient: alice.code, id: 'mine' }));
    receiver.send(envelopeFrame(bob, { recipient: '0000000', id: 'lost' }));
    await receiver.until(() => receiver.accepted().length === 1 && receiver.errors().length === 1);
    expect(receiver.accepted()).toEqual(['mine']);
    expect(receiver.errors()).toEqual([
      { code: 'recipient_unknown', detail: 'no user has the code 0000000', frame: 4, id: 'lost' },
    ]);
    await receiver.close();
  });
});

function isDrained(text: string): boolean {
  return text.includes('"type":"drained"');
}

/** As section 4 asks: at the latest after 64 envelopes. */
function acknowledge(receiver: PlainClient): void {
  const count = receiver.envelopes.length;
  if (count > 0 && count % 64 === 0) receiver.ack(receiver.seqs()[count - 1] ?? '');
}
