import { join } from 'node:path';
import { bytesToUtf8 } from '@noble/ciphers/utils.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  digestOfData,
  registrationProof,
  signatureOf,
  signedFrame,
} from '../../../../src/client/account/signing.ts';
import { identityFrom } from '../../../../src/client/index.ts';
import {
  type FirstMessage,
  writeAnswer,
  writeFirst,
  writeRequest,
} from '../../../../src/client/keys/exchange/exchange-payloads.ts';
import {
  openFirstMessage,
  type PublishedSecrets,
  sealFirstMessage,
} from '../../../../src/client/keys/exchange/first-message.ts';
import { loadKem } from '../../../../src/client/keys/exchange/hybrid.ts';
import {
  firstMessageContext,
  messageContext,
  ratchetStep,
} from '../../../../src/client/keys/messages/derivation.ts';
import {
  openMessage,
  readMessage,
  sealMessage,
} from '../../../../src/client/keys/messages/message-cipher.ts';
import { partiesOf, sessionOf } from '../../../../src/client/keys/messages/session-keys.ts';
import { type Content, encodeContent } from '../../../../src/client/sending/content.ts';
import { padded } from '../../../../src/client/sending/padding.ts';
import { toBase64 } from '../../../../src/crypto/base64.ts';
import { sharedSecret } from '../../../../src/crypto/kdf.ts';
import { signedText } from '../../../../src/protocol/frames/relay-frames.ts';
import { prekeysText } from '../../../../src/protocol/prekeys.ts';

/** Version 2 between the peers (docs/protocol.md 6). test/e2e/client/published/python.test.ts computes all of it in Python. */
const VECTORS = join(import.meta.dirname, '../../../../docs/vectors/peers.json');
const MAX_FRAME_BYTES = 65_536;

/** Bytes that are easy to write down. */
const counting = (from: number, length = 32) =>
  new Uint8Array(length).map((_, index) => (from + index) % 256);

const alice = { code: 'E011T7D', identity: identityFrom(counting(0x10), counting(0x40)) };
const bob = { code: 'K7M2Q9X', identity: identityFrom(counting(0x70), counting(0xa0)) };
const fresh = {
  alice: identityFrom(counting(0), counting(0x21)),
  bob: identityFrom(counting(0), counting(0x52)),
};
const kemSeed = counting(0x80, 64);
const kem = ml_kem768.keygen(kemSeed);
const encapsulated = ml_kem768.encapsulate(kem.publicKey, counting(0x33));
const nonce = (from: number) => counting(from, 24);
const stream = '5d'.repeat(16);

const person = ({ code, identity }: typeof alice) => ({ code, eddsaPublicKey: identity.eddsaPublicKey });
const pair = ({ exchangeKey, ecdhPublicKey }: typeof fresh.alice) => ({
  secretKey: bytesToHex(exchangeKey),
  publicKey: ecdhPublicKey,
  static: false,
});
const peers = { own: person(alice), peer: person(bob) };
const parties = partiesOf(peers, 'initiator');

const firstContent: Content = {
  type: 'message',
  id: 'word-0',
  place: { stream, number: 0, base: 0 },
  body: 'Grüße, Bob 🙂',
  at: '2026-01-02T03:04:05.678Z',
};
const firstPlaintext = padded(encodeContent(firstContent), MAX_FRAME_BYTES);
const first = sealFirstMessage(
  firstPlaintext,
  { ...pair(fresh.alice), parties },
  { registeredKey: bob.identity.ecdhPublicKey, prekeys: null },
  nonce(0x01),
);
/** The same to keys that Bob has published: a batch of two, of which the second was claimed. */
const lastResort = ml_kem768.keygen(counting(0x11, 64));
const oneTime = identityFrom(counting(0), counting(0x62));
const batch = {
  generation: 3,
  keys: [identityFrom(counting(0), counting(0x72)).ecdhPublicKey, oneTime.ecdhPublicKey],
  kemPublicKey: toBase64(lastResort.publicKey),
};
const prekeys = { generation: 3, prekey: oneTime.ecdhPublicKey, kemPublicKey: lastResort.publicKey };
const encapsulatedFirst = ml_kem768.encapsulate(lastResort.publicKey, counting(0x44));
const firstToPrekeys = sealFirstMessage(
  firstPlaintext,
  { ...pair(fresh.alice), parties },
  { registeredKey: bob.identity.ecdhPublicKey, prekeys },
  nonce(0x09),
  { ciphertext: encapsulatedFirst.cipherText, secret: encapsulatedFirst.sharedSecret },
);
const requestData = signedText({
  sender: alice.code,
  recipient: bob.code,
  id: 'request-1',
  message: {
    type: 'key_exchange',
    payload: writeRequest({
      publicKey: fresh.alice.ecdhPublicKey,
      terms: {
        kemPublicKey: kem.publicKey,
        generation: 1,
        previous: null,
        audience: 'wss://relay.example/ws',
        atMs: Date.parse('2026-01-02T03:04:05.700Z'),
        first,
      },
    }),
  },
});
const requestDigest = digestOfData(utf8ToBytes(requestData));
const answerData = signedText({
  sender: bob.code,
  recipient: alice.code,
  id: 'answer-1',
  message: {
    type: 'key_exchange_ack',
    payload: writeAnswer({
      publicKey: fresh.bob.ecdhPublicKey,
      inReplyTo: requestDigest,
      terms: { kemCiphertext: encapsulated.cipherText, generation: 1, first: 'opened' },
    }),
  },
});
const answerDigest = digestOfData(utf8ToBytes(answerData));

/** The session of one side. */
function sessionFor(role: 'initiator' | 'responder') {
  const forth = role === 'initiator';
  const made = sessionOf({
    role,
    peers: forth ? peers : { own: peers.peer, peer: peers.own },
    requestDigest,
    answerDigest,
    own: pair(forth ? fresh.alice : fresh.bob),
    theirPublicKey: (forth ? fresh.bob : fresh.alice).ecdhPublicKey,
    terms: { generation: 1, kemSecret: encapsulated.sharedSecret },
    localGeneration: 1,
    atMs: 0,
  });
  if (made === null) throw new Error('no keys');
  return made;
}

/** Seals one content after the other, as one side does. */
function talk(role: 'initiator' | 'responder', contents: readonly Content[], nonceFrom: number) {
  const [own, peer] = role === 'initiator' ? [alice, bob] : [bob, alice];
  let session = sessionFor(role);
  return contents.map((content, index) => {
    const plaintext = padded(encodeContent(content), MAX_FRAME_BYTES);
    const { key: chainKey, link } = session.send;
    const sealed = sealMessage(
      plaintext,
      { session, sender: own.code, recipient: peer.code },
      nonce(nonceFrom + index),
    );
    session = sealed.session;
    const about = { sender: own.code, recipient: peer.code, counter: index };
    return {
      plaintext_utf8: bytesToUtf8(plaintext),
      chain_key: chainKey,
      message_key: bytesToHex(ratchetStep(hexToBytes(chainKey)).messageKey),
      nonce: bytesToHex(nonce(nonceFrom + index)),
      associated_data: bytesToHex(
        messageContext({ ...about, exchange: hexToBytes(session.id), link: hexToBytes(link) }),
      ),
      payload: sealed.payload,
    };
  });
}

const fromAlice = talk(
  'initiator',
  [
    { type: 'ready' },
    {
      type: 'message',
      id: 'word-1',
      place: { stream, number: 1, base: 1 },
      body: { any: ['JSON', 1, null] },
      at: '2026-01-02T03:04:06.000Z',
      replyTo: 'word-0',
    },
    { type: 'check', stream, next: 2, base: 1 },
  ],
  0x20,
);
const fromBob = talk(
  'responder',
  [
    { type: 'unreadable', id: 'envelope-9' },
    {
      type: 'arrived',
      stream,
      next: 2,
      missing: [1],
      exchange: sessionFor('responder').id,
      counter: 2,
    },
    { type: 'read', up_to: 'word-1', stream, number: 1, except: [] },
    { type: 'gone', stream: '6e'.repeat(16), numbers: [3, 4] },
  ],
  0x60,
);

test('the vectors of version 2 are what the SDK computes', async () => {
  const session = sessionFor('initiator');
  const vectors = {
    about:
      'One exchange of version 2 between the peers, docs/protocol.md 6. Hex, save where it says otherwise; base64 inside payloads.',
    alice: keysOf(alice),
    bob: keysOf(bob),
    initiator_secret: bytesToHex(fresh.alice.exchangeKey),
    responder_secret: bytesToHex(fresh.bob.exchangeKey),
    kem_seed: bytesToHex(kemSeed),
    first: {
      plaintext_utf8: bytesToUtf8(firstPlaintext),
      nonce: bytesToHex(nonce(0x01)),
      context: contextOf(null, null),
    },
    prekeys: {
      signed_text: prekeysText(bob.code, batch),
      signature: signatureOf(prekeysText(bob.code, batch), bob.identity),
      kem_seed: bytesToHex(counting(0x11, 64)),
      secret: bytesToHex(oneTime.exchangeKey),
      kem_secret: bytesToHex(encapsulatedFirst.sharedSecret),
      context: contextOf(hexToBytes(oneTime.ecdhPublicKey), encapsulatedFirst.cipherText),
      first: writeFirst(firstToPrekeys),
    },
    request: { data: requestData, frame: signedFrame(requestData, alice.identity), sha256: requestDigest },
    answer: { data: answerData, frame: signedFrame(answerData, bob.identity), sha256: answerDigest },
    name: session.id,
    ecdh_secret: bytesToHex(sharedSecret(fresh.alice.exchangeKey, hexToBytes(fresh.bob.ecdhPublicKey))),
    kem_secret: bytesToHex(encapsulated.sharedSecret),
    initiator_to_responder: session.send.key,
    responder_to_initiator: session.receive.key,
    messages: { initiator_to_responder: fromAlice, responder_to_initiator: fromBob },
  };
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot(VECTORS);
});

test('both sides have the same keys, and what one seals the other opens', () => {
  let session = sessionFor('responder');
  expect(session.id).toBe(sessionFor('initiator').id);
  for (const { payload, plaintext_utf8: text } of fromAlice) {
    const message = readMessage(payload);
    const opened = message && openMessage(message, { session, sender: alice.code, recipient: bob.code });
    if (opened?.outcome !== 'opened') throw new Error('it does not open');
    expect(bytesToUtf8(opened.plaintext)).toBe(text);
    expect(opened.plaintext.length).toBe(256);
    session = opened.session;
  }
});

describe('a first message opens with the published keys that it names, for that sender and that recipient alone', () => {
  const own: PublishedSecrets = {
    registered: (publicKey) =>
      publicKey === bob.identity.ecdhPublicKey ? bytesToHex(bob.identity.exchangeKey) : undefined,
    prekeys: (generation, prekey) => {
      if (generation !== batch.generation) return null;
      const secretKey = prekey === oneTime.ecdhPublicKey ? bytesToHex(oneTime.exchangeKey) : null;
      return { kemSeed: bytesToHex(counting(0x11, 64)), secretKey };
    },
  };
  const from = { publicKey: fresh.alice.ecdhPublicKey, parties };
  beforeAll(() => loadKem());

  test.each([
    ['the registered key', first],
    ['a prekey and ML-KEM', firstToPrekeys],
  ])('%s', (_, sealed) => {
    expect(openFirstMessage(sealed, from, own)).toEqual(firstPlaintext);
    expect(openFirstMessage(sealed, { ...from, publicKey: fresh.bob.ecdhPublicKey }, own)).toBeNull();
    const turned = { initiator: parties.responder, responder: parties.initiator };
    expect(openFirstMessage(sealed, { ...from, parties: turned }, own)).toBeNull();
    expect(openFirstMessage(sealed, from, { ...own, registered: () => undefined })).toBeNull();
    expect(openFirstMessage({ ...sealed, key: alice.identity.ecdhPublicKey }, from, own)).toBeNull();
  });

  test('no part of what was published can be left out, or be another', () => {
    const changed: Partial<FirstMessage>[] = [
      { prekey: null },
      { prekey: batch.keys[0] ?? null },
      { generation: 4 },
      { generation: null },
      { kemCiphertext: null },
      { kemCiphertext: encapsulated.cipherText },
      { generation: null, prekey: null, kemCiphertext: null },
    ];
    for (const change of changed) {
      expect(openFirstMessage({ ...firstToPrekeys, ...change }, from, own)).toBeNull();
    }
    expect(openFirstMessage(firstToPrekeys, from, { ...own, prekeys: () => null })).toBeNull();
  });

  test('without a prekey it is to the key of last resort', () => {
    const by = { ...pair(fresh.alice), parties };
    const registeredKey = bob.identity.ecdhPublicKey;
    const last = sealFirstMessage(firstPlaintext, by, {
      registeredKey,
      prekeys: { ...prekeys, prekey: null },
    });
    expect(last).toMatchObject({ generation: 3, prekey: null });
    expect(openFirstMessage(last, from, own)).toEqual(firstPlaintext);
  });
});

function contextOf(prekey: Uint8Array | null, kemCiphertext: Uint8Array | null): string {
  const initiatorKey = hexToBytes(fresh.alice.ecdhPublicKey);
  const registeredKey = hexToBytes(bob.identity.ecdhPublicKey);
  return bytesToHex(firstMessageContext({ parties, initiatorKey, registeredKey, prekey, kemCiphertext }));
}

function keysOf({ code, identity }: typeof alice): object {
  return {
    code,
    eddsa_seed: bytesToHex(identity.signingKey),
    eddsa_public_key: identity.eddsaPublicKey,
    ecdh_secret: bytesToHex(identity.exchangeKey),
    ecdh_public_key: identity.ecdhPublicKey,
    proof: registrationProof(identity),
  };
}
