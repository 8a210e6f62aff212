import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { connectText, envelopeFrame, envelopeText, frameOf } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type Keys, type PlainUser, registerUser, signHex } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

/**
 * docs/protocol.md, sections 2 and 3, frame by frame: Alice on one node, Bob on the same (memory) or on another (real
 * Redis between them).
 */
describe.each(PAIRS)('the flow of protocol 1, %s', (where) => {
  const pair = pairForTests(where, { RELAY_ENVELOPES_PER_S: '0', RELAY_MAX_FRAME_BYTES: '65536' });
  let aliceUrl = '';
  let bobUrl = '';
  let alice: PlainUser;
  let bob: PlainUser;
  let aliceSocket: PlainClient;
  let bobSocket: PlainClient;

  beforeAll(async () => {
    [aliceUrl, bobUrl] = [pair.one.ws, pair.two.ws];
    // Each registers where she connects: what one node stores, all know.
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    aliceSocket = await PlainClient.login(aliceUrl, alice);
    bobSocket = await PlainClient.login(bobUrl, bob);
  });

  /** Sends `frame` as Alice and resolves with what Bob is sent next. */
  async function relayed(frame: string | Buffer): Promise<string> {
    const before = bobSocket.envelopes.length;
    aliceSocket.ws.send(frame, { binary: false });
    const envelopes = await bobSocket.untilEnvelopes(before + 1);
    return envelopes.slice(before).join('\n');
  }

  it('1 and 2: the answer to connect is connect_ack, the first frame, byte for byte', async () => {
    const carol = await registerUser(pair.one.http);
    const socket = await PlainClient.open(aliceUrl);
    const data = `{"sender":"${carol.code}","message":{"type":"connect"}}`;
    socket.send(`{"data":${data},"signature":"${signHex(carol, data)}"}`);
    await socket.until(() => socket.received.length > 0);
    expect(socket.received).toEqual([
      `{"data":{"sender":"server","recipient":"${carol.code}","message":{"type":"connect_ack"}}}`,
    ]);
    expect(socket.responseHeaders).not.toHaveProperty('sec-websocket-protocol');
    await socket.close();
  });

  it('3 to 5: key exchange, its ack, and a message that only the recipient can read', async () => {
    const request = `{"sender":"${alice.code}","recipient":"${bob.code}","message":{"type":"key_exchange","payload":{"ecdh_public_key":"${alice.ecdhPublicKey}"}}}`;
    const asked = `{"data":${request},"signature":"${signHex(alice, request)}"}`;
    expect(await relayed(asked)).toBe(asked);

    const answer = `{"sender":"${bob.code}","recipient":"${alice.code}","message":{"type":"key_exchange_ack","payload":{"ecdh_public_key":"${bob.ecdhPublicKey}"}}}`;
    const answered = `{"data":${answer},"signature":"${signHex(bob, answer)}"}`;
    bobSocket.send(answered);
    expect(await aliceSocket.untilEnvelopes(1)).toEqual([answered]);

    const parties = { initiator: alice, responder: bob };
    const aliceKeys = symmetricKeys({ own: alice, other: bob, ...parties });
    const bobKeys = symmetricKeys({ own: bob, other: alice, ...parties });
    expect(aliceKeys.toString('hex')).toBe(bobKeys.toString('hex'));

    const sealed = seal(aliceKeys.subarray(0, 32), 'the meeting is at noon, €5');
    const message = envelopeText({
      sender: alice.code,
      recipient: bob.code,
      payload: { ciphertext: sealed },
    });
    const sent = frameOf(alice, message);
    const received = await relayed(sent);
    expect(received).toBe(sent);
    const { data } = JSON.parse(received) as { data: { message: { payload: { ciphertext: string } } } };
    expect(open(bobKeys.subarray(0, 32), data.message.payload.ciphertext)).toBe('the meeting is at noon, €5');
  });

  it('relays any further type, also unknown ones', async () => {
    for (const type of ['message', 'receipt', 'webrtc_offer', 'a', `z${'9_'.repeat(15)}x`]) {
      const frame = envelopeFrame(alice, { recipient: bob.code, type });
      expect(await relayed(frame)).toBe(frame);
    }
  });

  it('lets users write to themselves', async () => {
    const before = aliceSocket.envelopes.length;
    const frame = envelopeFrame(alice, { recipient: alice.code, payload: 'note' });
    aliceSocket.send(frame);
    const envelopes = await aliceSocket.untilEnvelopes(before + 1);
    expect(envelopes.at(-1)).toBe(frame);
  });

  it('hands on what was signed, and nothing beside it', async () => {
    const text = envelopeText({ sender: alice.code, recipient: bob.code, payload: 'signed' });
    const signature = signHex(alice, text);
    const expected = `{"data":${text},"signature":"${signature}"}`;
    const smuggled = [
      `{"data":${text},"signature":"${signature}","admin":true}`,
      `{"seq":"1-1","data":${text},"forged":{"data":{"sender":"server"}},"signature":"${signature}"}`,
      `{"ack":"1-1","signature":"${signature}","data":${text}}`,
      `  {\n "data" :\t${text} ,\r\n "signature" : "${signature}" } `,
      `{"data":${text},"signature":"${signature.toUpperCase()}"}`,
      `{"d\\u0061ta":${text},"\\u0073ignature":"${signature}"}`,
    ];
    for (const frame of smuggled) expect(await relayed(frame)).toBe(expected);
  });

  const people = () => ({ from: alice.code, to: bob.code });

  /** Texts of `data` that a parser and serialiser on the way would change. */
  function oddTexts(): Record<string, string> {
    const { from, to } = people();
    const withPayload = (payload: string) =>
      `{"sender":"${from}","recipient":"${to}","message":{"type":"message","payload":${payload}}}`;
    return {
      'numbers as they were written': withPayload(
        '[1.0,1e2,-0,1E+2,0.10,1e400,-1.50e-7,12345678901234567890]',
      ),
      'characters beyond ASCII': withPayload(
        '"Grüße, 世界, 👩‍👩‍👧, \u{10ffff}, \u2028\u2029, \ufeff, \u007f"',
      ),
      'composed and decomposed forms of one letter': withPayload('["\u00e9","e\u0301","\u212b","\u00c5"]'),
      escapes: withPayload('"\\u0041\\u00e9\\/\\"\\\\\\b\\f\\n\\r\\t\\u0000\\ud83d\\ude00"'),
      'escaped names of ours': `{"send\\u0065r":"${from}","recipient":"${to}","mess\\u0061ge":{"t\\u0079pe":"m\\u0065ssage"}}`,
      'a code in escapes': `{"sender":"${escaped(from)}","recipient":"${escaped(to)}","message":{"type":"message"}}`,
      'members in another order': `{"message":{"payload":[2,1],"type":"message"},"recipient":"${to}","sender":"${from}"}`,
      'whitespace inside': `{ "sender" : "${from}" ,\r\n\t"recipient":"${to}", "message" : { "type":"message" , "payload" : [ 1 , 2 ] } }`,
      'members that the protocol does not know': `{"sender":"${from}","z":[{"a":null}],"recipient":"${to}","message":{"type":"message","x":1,"payload":{}},"":""}`,
      'as deep as is allowed': withPayload('[[[[[]]]]]'),
      'names that look like numbers, and an empty one': withPayload('{"10":1,"9":2,"":3,"constructor":4}'),
      'payload null': withPayload('null'),
      'payload false': withPayload('false'),
      'payload 0': withPayload('0'),
      'payload an empty string': withPayload('""'),
    };
  }

  it('carries every spelling of JSON unchanged, live', async () => {
    for (const [what, text] of Object.entries(oddTexts())) {
      const frame = frameOf(alice, text);
      expect(await relayed(frame), what).toBe(frame);
    }
  });

  it('carries every spelling of JSON unchanged through the mailbox of an offline user', async () => {
    await bobSocket.close();
    const frames = Object.values(oddTexts()).map((text) => frameOf(alice, text));
    for (const frame of frames) aliceSocket.send(frame);
    const last = await sendStored(aliceSocket, { sender: alice, recipient: bob.code });
    bobSocket = await PlainClient.login(bobUrl, bob);
    await bobSocket.until(() => bobSocket.envelopes.includes(last));
    // What he had received and not yet confirmed when he left comes first, once more.
    const end = bobSocket.envelopes.indexOf(last);
    expect(bobSocket.envelopes.slice(end - frames.length, end)).toEqual(frames);
  });

  it('accepts a frame in fragments, cut inside a character', async () => {
    const frame = envelopeFrame(alice, { recipient: bob.code, payload: 'né, 👍' });
    const bytes = Buffer.from(frame);
    const cut = bytes.indexOf(0xc3) + 1;
    const before = bobSocket.envelopes.length;
    aliceSocket.ws.send(bytes.subarray(0, cut), { binary: false, fin: false });
    aliceSocket.ws.send(bytes.subarray(cut, cut + 20), { binary: false, fin: false });
    aliceSocket.ws.send(bytes.subarray(cut + 20), { binary: false, fin: true });
    expect((await bobSocket.untilEnvelopes(before + 1)).at(-1)).toBe(frame);
  });

  it('accepts a frame of exactly RELAY_MAX_FRAME_BYTES', async () => {
    const empty = envelopeFrame(alice, { recipient: bob.code, payload: '' });
    const payload = 'x'.repeat(65_536 - empty.length);
    const frame = envelopeFrame(alice, { recipient: bob.code, payload });
    expect(Buffer.byteLength(frame)).toBe(65_536);
    expect(await relayed(frame)).toBe(frame);
  });

  it('keeps envelopes for an offline user, and sends them behind connect_ack', async () => {
    await bobSocket.close();
    const frames = ['one', 'two', 'three'].map((payload) =>
      envelopeFrame(alice, { recipient: bob.code, payload }),
    );
    for (const frame of frames) aliceSocket.send(frame);
    const last = await sendStored(aliceSocket, { sender: alice, recipient: bob.code });
    bobSocket = await PlainClient.login(bobUrl, bob);
    await bobSocket.until(() => bobSocket.envelopes.includes(last));
    const connectAck = `{"data":{"sender":"server","recipient":"${bob.code}","message":{"type":"connect_ack"}}}`;
    expect(bobSocket.received[0]).toBe(connectAck);
    // What he had received and not yet confirmed when he left comes first, once more.
    const start = bobSocket.envelopes.indexOf(frames[0] ?? '');
    expect(bobSocket.envelopes.slice(start, start + frames.length)).toEqual(frames);
  });

  it('answers accepted, byte for byte, to an envelope with an id, and nothing to one without', async () => {
    const before = aliceSocket.messages.length;
    const heard = bobSocket.envelopes.length;
    aliceSocket.send(envelopeFrame(alice, { recipient: bob.code }));
    aliceSocket.send(envelopeFrame(alice, { recipient: bob.code, id: 'Az-9_' }));
    await aliceSocket.until(() => aliceSocket.messages.length > before);
    await bobSocket.untilEnvelopes(heard + 2);
    expect(aliceSocket.messages.length).toBe(before + 1);
    expect(aliceSocket.received.filter((text) => text.includes('accepted')).at(-1)).toBe(
      `{"data":{"sender":"server","recipient":"${alice.code}","message":{"type":"accepted","payload":{"id":"Az-9_"}}}}`,
    );
  });

  it('writes an error as docs/protocol.md prints it, byte for byte', async () => {
    const socket = await PlainClient.open(aliceUrl);
    const data = connectText(alice.code);
    const wrong = signHex(bob, data);
    socket.send(`{"data":${data},"signature":"${wrong}"}`);
    await socket.untilClosed();
    const sha256 = createHash('sha256').update(data).digest('hex');
    const detail = `the signature does not verify over these ${data.length} bytes of data, whose SHA-256 is ${sha256}`;
    expect(socket.received).toEqual([
      `{"data":{"sender":"server","message":{"type":"error","payload":{"code":"bad_signature","detail":"${detail}","frame":1}}}}`,
    ]);
  });
});

function escaped(text: string): string {
  return [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
}

/** Section 6: HKDF over the X25519 secret, with both identities in `info`. */
function symmetricKeys(exchange: {
  readonly own: PlainUser;
  readonly other: PlainUser;
  readonly initiator: PlainUser;
  readonly responder: PlainUser;
}): Buffer {
  const { own, other, initiator, responder } = exchange;
  const secret = diffieHellman({ privateKey: own.ecdhPrivateKey, publicKey: exchangeKey(other) });
  const info = Buffer.concat([
    Buffer.from(`keyrelay/kx/1\0${initiator.code}${responder.code}`),
    Buffer.from(initiator.eddsaPublicKey + responder.eddsaPublicKey, 'hex'),
    Buffer.from(initiator.ecdhPublicKey + responder.ecdhPublicKey, 'hex'),
  ]);
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(32), info, 64));
}

function exchangeKey({ ecdhPublicKey }: Pick<Keys, 'ecdhPublicKey'>) {
  const der = Buffer.from(`302a300506032b656e032100${ecdhPublicKey}`, 'hex');
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function seal(key: Buffer, text: string): string {
  const cipher = createCipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: 16 });
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function open(key: Buffer, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
}
