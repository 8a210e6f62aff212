import { createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { digestOfData, registrationProof, signedFrame } from '../../../../src/client/account/signing.ts';
import { identityFrom } from '../../../../src/client/index.ts';
import {
  openMessage,
  readMessage,
  sealMessage,
} from '../../../../src/client/keys/messages/message-cipher.ts';
import { sessionOf } from '../../../../src/client/keys/messages/session-keys.ts';
import { encodeContent } from '../../../../src/client/sending/content.ts';
import { safetyNumber } from '../../../../src/crypto/kdf.ts';
import { connectText, signedText } from '../../../../src/protocol/frames/relay-frames.ts';
import { openByLibsodium } from '../../../support/keys/libsodium.ts';

const VECTORS = join(import.meta.dirname, '../../../../docs/vectors/client.json');

/** 32 bytes that are easy to write down. */
const seed = (byte: number) => new Uint8Array(32).map((_, index) => (byte + index) % 256);

const alice = { code: 'E011T7D', identity: identityFrom(seed(0x10), seed(0x40)) };
const bob = { code: 'K7M2Q9X', identity: identityFrom(seed(0x70), seed(0xa0)) };
const fresh = { alice: identityFrom(seed(0), seed(0x21)), bob: identityFrom(seed(0), seed(0x52)) };
const NONCE = new Uint8Array(24).map((_, index) => index);

/** Node's own cryptography, so that the vectors are not our word alone. */
const node = {
  ed25519(seedBytes: Uint8Array, text: string): string {
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seedBytes]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return sign(null, Buffer.from(text), key).toString('hex');
  },
  x25519(secretKey: Uint8Array, publicKeyHex: string): Buffer {
    const privateDer = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secretKey]);
    const publicDer = Buffer.from(`302a300506032b656e032100${publicKeyHex}`, 'hex');
    return diffieHellman({
      privateKey: createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' }),
      publicKey: createPublicKey({ key: publicDer, format: 'der', type: 'spki' }),
    });
  },
};

const registration = {
  text: `relay-register:${alice.identity.ecdhPublicKey}:${alice.identity.eddsaPublicKey}`,
};
const nonce = '0f'.repeat(32);
const connect1 = connectText(alice.code, null);
const connect2 = connectText(alice.code, { nonce, audience: 'wss://relay.example/ws' });
const requestData = signedText({
  sender: alice.code,
  recipient: bob.code,
  id: 'request-1',
  message: { type: 'key_exchange', payload: { ecdh_public_key: fresh.alice.ecdhPublicKey } },
});
const exchange = digestOfData(utf8ToBytes(requestData));
const answerData = signedText({
  sender: bob.code,
  recipient: alice.code,
  id: 'answer-1',
  message: {
    type: 'key_exchange_ack',
    payload: { ecdh_public_key: fresh.bob.ecdhPublicKey, in_reply_to: exchange },
  },
});
/** The session of one side. */
function sessionFor(role: 'initiator' | 'responder') {
  const [own, peer] = role === 'initiator' ? [alice, bob] : [bob, alice];
  const [mine, theirs] = role === 'initiator' ? [fresh.alice, fresh.bob] : [fresh.bob, fresh.alice];
  const person = ({ code, identity }: typeof alice) => ({ code, eddsaPublicKey: identity.eddsaPublicKey });
  const made = sessionOf({
    role,
    peers: { own: person(own), peer: person(peer) },
    requestDigest: exchange,
    answerDigest: digestOfData(utf8ToBytes(answerData)),
    own: { secretKey: bytesToHex(mine.exchangeKey), publicKey: mine.ecdhPublicKey, static: false },
    theirPublicKey: theirs.ecdhPublicKey,
    terms: null,
    localGeneration: 1,
    atMs: 0,
  });
  if (made === null) throw new Error('no keys');
  return made;
}
const made = sessionFor('initiator');
const session = { ...made, send: { ...made.send, next: 7 } };
const keys = { sendKey: made.send.key, receiveKey: made.receive.key };
const content = { type: 'message', body: 'Grüße, Bob 🙂', at: '2026-01-02T03:04:05.678Z' } as const;
const plaintext = encodeContent(content);
const sealed = sealMessage(plaintext, { session, sender: alice.code, recipient: bob.code }, NONCE)
  .payload as { exchange: string; counter: number; ciphertext: string };
const number = safetyNumber(
  { code: alice.code, eddsaPublicKey: hexToBytes(alice.identity.eddsaPublicKey) },
  { code: bob.code, eddsaPublicKey: hexToBytes(bob.identity.eddsaPublicKey) },
);

test('the vectors for other languages are what the SDK computes', async () => {
  const vectors = {
    about: 'Test vectors for clients of keyrelay. Hex, save where it says otherwise. See docs/clients.md.',
    alice: person(alice),
    bob: person(bob),
    registration: { ...registration, proof: registrationProof(alice.identity) },
    connect_protocol_1: { data: connect1, frame: signedFrame(connect1, alice.identity) },
    connect_protocol_2: { data: connect2, frame: signedFrame(connect2, alice.identity) },
    key_exchange: {
      initiator_secret: bytesToHex(fresh.alice.exchangeKey),
      initiator_public: fresh.alice.ecdhPublicKey,
      responder_secret: bytesToHex(fresh.bob.exchangeKey),
      responder_public: fresh.bob.ecdhPublicKey,
      request: { data: requestData, frame: signedFrame(requestData, alice.identity), sha256: exchange },
      acknowledgement: { data: answerData, frame: signedFrame(answerData, bob.identity) },
      shared_secret: sharedSecret().toString('hex'),
      hkdf_info: info().toString('hex'),
      initiator_to_responder: keys.sendKey,
      responder_to_initiator: keys.receiveKey,
    },
    message: {
      plaintext_utf8: new TextDecoder().decode(plaintext),
      nonce: bytesToHex(NONCE),
      associated_data: associatedData().toString('hex'),
      payload: sealed,
    },
    safety_number: number.join(' '),
  };
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot(VECTORS);
});

test('node:crypto and libsodium compute the same', () => {
  expect(registrationProof(alice.identity)).toBe(node.ed25519(alice.identity.signingKey, registration.text));
  expect(signedFrame(requestData, alice.identity)).toBe(
    `{"data":${requestData},"signature":"${node.ed25519(alice.identity.signingKey, requestData)}"}`,
  );
  expect(exchange).toBe(createHash('sha256').update(requestData).digest('hex'));
  const okm = Buffer.from(hkdfSync('sha256', sharedSecret(), Buffer.alloc(32), info(), 64)).toString('hex');
  expect(okm).toBe(keys.sendKey + keys.receiveKey);

  const opened = openByLibsodium(sealed.ciphertext, associatedData(), keys.sendKey);
  expect(JSON.parse(opened.toString())).toEqual(content);
});

test('the other side derives the same keys, the other way round', () => {
  const theirs = sessionFor('responder');
  expect([theirs.send.key, theirs.receive.key]).toEqual([keys.receiveKey, keys.sendKey]);
  expect([made.proven, theirs.proven]).toEqual([true, false]);
});

test('a message opens for its recipient only, under its counter, in its exchange', () => {
  const context = { session: sessionFor('responder'), sender: alice.code, recipient: bob.code };
  const open = (payload: object = sealed, changed: Partial<typeof context> = {}) => {
    const message = readMessage(payload);
    const opened = message && openMessage(message, { ...context, ...changed });
    return opened?.outcome === 'opened' ? opened.plaintext : null;
  };
  expect(open()).toEqual(plaintext);
  expect(open({ ...sealed, counter: 8 })).toBeNull();
  expect(
    open({ ...sealed, exchange: exchange.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }),
  ).toBeNull();
  expect(open(sealed, { sender: bob.code, recipient: alice.code })).toBeNull();
  expect(open(sealed, { session })).toBeNull();
  const altered = sealed.ciphertext.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  expect(open({ ...sealed, ciphertext: altered })).toBeNull();
  for (const ciphertext of ['', 'AAAA', '!', `${sealed.ciphertext}\n`, sealed.ciphertext.slice(0, -1)]) {
    expect(open({ ...sealed, ciphertext })).toBeNull();
  }
});

function person({ code, identity }: typeof alice): object {
  return {
    code,
    eddsa_seed: bytesToHex(identity.signingKey),
    eddsa_public_key: identity.eddsaPublicKey,
    ecdh_secret: bytesToHex(identity.exchangeKey),
    ecdh_public_key: identity.ecdhPublicKey,
  };
}

function sharedSecret(): Buffer {
  return node.x25519(fresh.alice.exchangeKey, fresh.bob.ecdhPublicKey);
}

/** docs/protocol.md 6, written out once more. */
function info(): Buffer {
  const raw = [
    alice.identity.eddsaPublicKey,
    bob.identity.eddsaPublicKey,
    fresh.alice.ecdhPublicKey,
    fresh.bob.ecdhPublicKey,
  ].join('');
  return Buffer.concat([Buffer.from(`keyrelay/kx/1\0${alice.code}${bob.code}`), Buffer.from(raw, 'hex')]);
}

function associatedData(): Buffer {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(7n);
  return Buffer.concat([
    Buffer.from(`keyrelay/msg/1\0${alice.code}${bob.code}`),
    Buffer.from(exchange, 'hex'),
    counter,
  ]);
}
