import { bytesToHex as hex, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { createIdentity } from '../../src/client/account/identity.ts';
import { digestOfData, isSignedBy, signatureOf } from '../../src/client/account/signing.ts';
import { KEM_SEED_BYTES, loadKem } from '../../src/client/keys/exchange/hybrid.ts';
import { openMessage, readMessage, sealMessage } from '../../src/client/keys/messages/message-cipher.ts';
import { type Agreed, sessionOf } from '../../src/client/keys/messages/session-keys.ts';
import type { Session } from '../../src/client/keys/messages/sessions.ts';
import { x25519 } from '../../src/crypto/x25519.ts';

const RUNS = 7;
/** Browsers give the time in steps of up to 0.1 ms. */
const RUN_MS = 200;
const TEXT_BYTES = 256;

/** Median milliseconds of each thing that a client does for an exchange of keys and for a message. */
export async function measure(): Promise<Readonly<Record<string, number>>> {
  const kem = await loadKem();
  const [alice, bob] = [createIdentity(), createIdentity()];
  const people = {
    alice: { code: 'A11CE00', eddsaPublicKey: alice.eddsaPublicKey },
    bob: { code: 'B0B0000', eddsaPublicKey: bob.eddsaPublicKey },
  };
  const text = 'x'.repeat(2_000);
  const data = utf8ToBytes(text);
  const digest = digestOfData(data);
  const signature = signatureOf(text, bob);

  const ask = () => {
    const seed = randomBytes(KEM_SEED_BYTES);
    const secretKey = x25519.utils.randomSecretKey();
    signatureOf(text, alice);
    return {
      seed,
      secretKey,
      publicKey: x25519.getPublicKey(secretKey),
      kemPublicKey: kem.publicKeyOf(seed),
    };
  };
  const request = ask();
  const agreed = (
    role: Agreed['role'],
    kemSecret: Uint8Array,
    keys: Pick<Agreed, 'own' | 'theirPublicKey'>,
  ) => {
    const [own, peer] = role === 'initiator' ? [people.alice, people.bob] : [people.bob, people.alice];
    const session = sessionOf({
      ...keys,
      role,
      peers: { own, peer },
      requestDigest: digest,
      answerDigest: digest,
      atMs: 0,
      terms: { generation: 1, kemSecret },
      localGeneration: 1,
    });
    if (session === null) throw new Error('no session');
    return session;
  };
  const answer = () => {
    if (!isSignedBy(bob.eddsaPublicKey, data, signature)) throw new Error('a wrong signature');
    const secretKey = x25519.utils.randomSecretKey();
    const publicKey = x25519.getPublicKey(secretKey);
    const { ciphertext, secret } = kem.encapsulate(request.kemPublicKey);
    signatureOf(text, bob);
    const session = agreed('responder', secret, {
      own: { secretKey: hex(secretKey), publicKey: hex(publicKey), static: false },
      theirPublicKey: hex(request.publicKey),
    });
    return { publicKey, ciphertext, session };
  };
  const answered = answer();
  const conclude = () => {
    if (!isSignedBy(bob.eddsaPublicKey, data, signature)) throw new Error('a wrong signature');
    const own = { secretKey: hex(request.secretKey), publicKey: hex(request.publicKey), static: false };
    const secret = kem.decapsulate(answered.ciphertext, request.seed);
    return agreed('initiator', secret, { own, theirPublicKey: hex(answered.publicKey) });
  };
  const session = conclude();

  const plaintext = randomBytes(TEXT_BYTES);
  const send = () => {
    const sealed = sealMessage(plaintext, { session, sender: 'A11CE00', recipient: 'B0B0000' });
    signatureOf(JSON.stringify(sealed.payload), alice);
    return sealed.payload;
  };
  const payload = send();
  const signedText = JSON.stringify(payload);
  const signed = signatureOf(signedText, alice);
  const receive = () =>
    openedBy(answered.session, { signedText, signed, payload, key: alice.eddsaPublicKey });
  if (receive().length !== TEXT_BYTES) throw new Error('what was opened is not what was sealed');

  return {
    'ask for keys': median(ask),
    'answer with keys': median(answer),
    'take the answer': median(conclude),
    'send a message': median(send),
    'receive a message': median(receive),
  };
}

function openedBy(
  session: Session,
  message: {
    readonly signedText: string;
    readonly signed: string;
    readonly payload: unknown;
    readonly key: string;
  },
): Uint8Array {
  if (!isSignedBy(message.key, utf8ToBytes(message.signedText), message.signed))
    throw new Error('a wrong signature');
  const read = readMessage(message.payload);
  if (read === null) throw new Error('not a message');
  const opened = openMessage(read, { session, sender: 'A11CE00', recipient: 'B0B0000' });
  if (opened.outcome !== 'opened') throw new Error(opened.outcome);
  return opened.plaintext;
}

function median(work: () => unknown): number {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const startedMs = performance.now();
    let count = 0;
    do {
      work();
      count += 1;
    } while (performance.now() - startedMs < RUN_MS);
    times.push((performance.now() - startedMs) / count);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1] ?? 0;
}
