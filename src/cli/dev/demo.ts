import { createCipheriv, createDecipheriv } from 'node:crypto';
import { safetyNumber } from '../../crypto/kdf.ts';
import { EXIT, parse, UsageError } from '../command.ts';
import { type Arrived, DemoPeer, identity, party } from './demo-peer.ts';
import { startNode } from './servers.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Alice and Bob in the terminal, each step explained. Rejects at the first step that does not hold. */
export async function run(args: readonly string[]): Promise<number> {
  const { url } = parse(args, { url: { type: 'string' } });
  const asked = url ?? (process.env.RELAY_URL || undefined);
  const relay = asked === undefined ? await findOrStart() : await find(base(asked));
  try {
    await demo(relay.url);
  } finally {
    await relay.stop();
  }
  return EXIT.ok;
}

function base(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url).origin;
  throw new UsageError(`the URL of a relay is http://host:port or https://host:port, not ${url}`);
}

interface Found {
  readonly url: string;
  readonly stop: () => Promise<unknown>;
}

async function find(url: string): Promise<Found> {
  if (!(await isRelay(url))) throw new Error(`no relay answers at ${url}: npm start runs one`);
  return { url, stop: async () => {} };
}

async function findOrStart(): Promise<Found> {
  if (await isRelay(DEFAULT_URL)) {
    say(`Using the relay that runs at ${DEFAULT_URL}.`);
    return { url: DEFAULT_URL, stop: async () => {} };
  }
  say(`No relay runs at ${DEFAULT_URL}: starting one, of one node, in memory.`);
  const node = await startNode({ RELAY_DRAIN_MS: '0' });
  return { url: `http://127.0.0.1:${node.port}`, stop: () => node.child.stop() };
}

/** For a code that no user has, a relay answers with 404 and problem details; other servers hardly do. */
async function isRelay(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/users/0000000`, { signal: AbortSignal.timeout(2000) });
    return response.status === 404 && response.headers.get('content-type') === 'application/problem+json';
  } catch {
    return false;
  }
}

async function demo(url: string): Promise<void> {
  const alice = new DemoPeer('Alice');
  const bob = new DemoPeer('Bob');

  step('Register', 'Each makes an X25519 and an Ed25519 key pair at home, and registers the public halves.');
  say(`POST ${url}/users → ${await alice.register(url)}`);
  say(`POST ${url}/users → ${await bob.register(url)}`);
  say(
    `Alice is ${alice.code}, Bob is ${bob.code}. They tell each other their codes, and ask the relay for the keys:`,
  );
  const bobAsKnown = await alice.lookUp(url, bob.code);
  const aliceAsKnown = await bob.lookUp(url, alice.code);
  say(`GET ${url}/users/${bob.code} → Ed25519 key ${bobAsKnown.eddsa_public_key.slice(0, 12)}…`);

  step('Connect', 'A signed connect opens the mailbox. Any node will do, behind any load balancer.');
  const atAlice = await alice.connect(url);
  show('Alice → relay', atAlice.sent);
  show('relay → Alice', atAlice.answer);
  const atBob = await connectElsewhere(bob, { url, than: atAlice.node });
  say(
    `Alice is on node ${atAlice.node}, Bob on node ${atBob}${atAlice.node === atBob ? ': there is one' : ''}.`,
  );

  step('Exchange keys', 'The relay checks the signature and hands on the very bytes that were signed.');
  const ask = { type: 'key_exchange', payload: { ecdh_public_key: alice.ecdhPublicKey } };
  show('Alice → relay', await alice.send({ recipient: bob.code, message: ask }));
  const asked = await bob.receive(aliceAsKnown);
  show('relay → Bob  ', asked.frame);
  const answer = { type: 'key_exchange_ack', payload: { ecdh_public_key: bob.ecdhPublicKey } };
  await bob.send({ recipient: alice.code, message: answer });
  const answered = await alice.receive(bobAsKnown);
  show('relay → Alice', answered.frame);

  step(
    'SYM_KEY',
    'Each computes it alone, from the own private key and the other’s public one: HKDF over X25519.',
  );
  const atAlices = alice.symKeys({
    initiator: party(alice.user, alice.ecdhPublicKey),
    responder: party(bobAsKnown, exchangeKey(answered)),
  });
  const atBobs = bob.symKeys({
    initiator: party(aliceAsKnown, exchangeKey(asked)),
    responder: party(bob.user, bob.ecdhPublicKey),
  });
  say(
    `Alice: ${begin(atAlices.initiatorToResponder)} to Bob,     ${begin(atAlices.responderToInitiator)} back`,
  );
  say(`Bob:   ${begin(atBobs.initiatorToResponder)} from Alice, ${begin(atBobs.responderToInitiator)} back`);
  same('SYM_KEY', [hex(atAlices.initiatorToResponder), hex(atBobs.initiatorToResponder)]);
  same('SYM_KEY', [hex(atAlices.responderToInitiator), hex(atBobs.responderToInitiator)]);
  say(
    `Equal. To rule out a relay that lies, they compare: ${safetyNumber(identity(alice.user), identity(bobAsKnown)).join(' ')}`,
  );

  step(
    'Talk',
    'Encrypted by the sender, opened by the recipient; the relay sees who writes to whom, not what.',
  );
  const toBob = new Channel(atAlices.initiatorToResponder);
  const fromAlice = new Channel(atBobs.initiatorToResponder);
  const toAlice = new Channel(atBobs.responderToInitiator);
  const fromBob = new Channel(atAlices.responderToInitiator);
  const hello = 'Hello Bob!';
  show('Alice → relay', await alice.send({ recipient: bob.code, message: toBob.seal(hello) }));
  same('what Bob reads', [hello, fromAlice.open(await bob.receive(aliceAsKnown))]);
  say(`Bob reads: ${hello}`);
  const reply = 'Hello Alice, I can read you.';
  show('Bob → relay  ', await bob.send({ recipient: alice.code, message: toAlice.seal(reply) }));
  same('what Alice reads', [reply, fromBob.open(await alice.receive(bobAsKnown))]);
  say(`Alice reads: ${reply}`);

  step('Offline', 'Bob hangs up. What Alice writes waits in his mailbox.');
  await bob.disconnect();
  const texts = ['Are you there?', 'Never mind, read this later.'];
  for (const text of texts) {
    await alice.send({ recipient: bob.code, message: toBob.seal(text) });
    say(`accepted for Bob: ${text}`);
  }
  const { node } = await bob.connect(url);
  say(`Bob is back, on node ${node}. What waited comes first, in order:`);
  for (const text of texts) {
    same('what Bob reads', [text, fromAlice.open(await bob.receive(aliceAsKnown))]);
    say(`Bob reads: ${text}`);
  }
  await Promise.all([alice.disconnect(), bob.disconnect()]);
  say('\nEverything held.');
}

function exchangeKey({ data }: Arrived): unknown {
  return (data.message.payload as { ecdh_public_key?: unknown }).ecdh_public_key;
}

const CONNECTS_MAX = 6;

/** With several nodes behind one address, tries a few times to land on another one than `than`. */
async function connectElsewhere(peer: DemoPeer, target: { url: string; than: string }): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const { node } = await peer.connect(target.url);
    if (node !== target.than || attempt >= CONNECTS_MAX) return node;
    await peer.disconnect();
  }
}

const CIPHER = 'chacha20-poly1305';
const TAG_BYTES = 16;

/** One direction under one key. The number of the message is its nonce, so a key must never count twice. */
class Channel {
  readonly #key: Uint8Array;
  #number = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(text: string): { type: string; payload: { number: number; ciphertext: string } } {
    this.#number += 1;
    const cipher = createCipheriv(CIPHER, this.#key, nonce(this.#number), { authTagLength: TAG_BYTES });
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { type: 'message', payload: { number: this.#number, ciphertext: sealed.toString('base64') } };
  }

  /** Throws if it was altered, repeated, or one is missing. */
  open({ data }: Arrived): string {
    const { number, ciphertext } = data.message.payload as { number: number; ciphertext: string };
    this.#number += 1;
    if (number !== this.#number) throw new Error(`expected message ${this.#number}, got ${number}`);
    const sealed = Buffer.from(ciphertext, 'base64');
    const decipher = createDecipheriv(CIPHER, this.#key, nonce(number), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  }
}

function nonce(number: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(number, 8);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function begin(key: Uint8Array): string {
  return `${hex(key).slice(0, 16)}…`;
}

function same(what: string, [one, other]: readonly [string, string]): void {
  if (one !== other) throw new Error(`${what} differs: ${one} and ${other}`);
}

let steps = 0;

function step(title: string, explanation: string): void {
  steps += 1;
  say(`\n${steps}. ${title}\n   ${explanation}\n`);
}

/** A frame with its long hex cut, so that it fits. */
function show(way: string, frame: string): void {
  say(`${way}: ${frame.replaceAll(/[0-9a-f]{64,}/g, (digits) => `${digits.slice(0, 12)}…`)}`);
}

function say(line: string): void {
  console.log(line);
}
