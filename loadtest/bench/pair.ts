import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import WebSocket from 'ws';
import { connectText, frame, signedText } from '../../src/protocol/frames.ts';
import type { Pairs } from './load.ts';

interface Peer {
  readonly code: string;
  readonly privateKey: KeyObject;
}

const ID = Buffer.from('"id":"');
const SEQ = Buffer.from(',"seq":"');

/** One sender and one recipient, each with a socket; frames are signed before they are needed. */
export class Pair {
  readonly #payload: string;
  readonly #sender: Peer;
  readonly #recipient: Peer;
  readonly #from: WebSocket;
  readonly errors: string[] = [];
  #frames: string[] = [];
  /** When each envelope was due, by the number that is its id. Milliseconds of `performance.now`. */
  #dueAtMs: number[] = [];
  #signed = 0;
  onReceived: (latencyMs: number) => void = () => undefined;

  static async open(pairs: Pairs): Promise<Pair> {
    const [sender, recipient] = [await register(pairs.from), await register(pairs.to)];
    const from = await login(pairs.from, sender, pairs.protocol);
    const to = await login(pairs.to, recipient, pairs.protocol);
    return new Pair({ pairs, sender, recipient, from, to });
  }

  private constructor(parts: {
    pairs: Pairs;
    sender: Peer;
    recipient: Peer;
    from: WebSocket;
    to: WebSocket;
  }) {
    const { pairs, sender, recipient, from, to } = parts;
    this.#payload = 'A'.repeat(pairs.payloadBytes);
    this.#sender = sender;
    this.#recipient = recipient;
    this.#from = from;
    from.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes('"type":"error"')) this.errors.push(text);
    });
    from.on('close', (code) => this.errors.push(`the sender's socket closed: ${code}`));
    to.on('close', (code) => this.errors.push(`the recipient's socket closed: ${code}`));
    to.on('message', (data: Buffer) => this.#arrived(data, pairs.protocol === 2 ? to : null));
  }

  get ready(): number {
    return this.#frames.length;
  }

  sign(envelopes: number): void {
    while (this.#frames.length < envelopes) {
      const message = { type: 'message', payload: this.#payload };
      const { code: sender } = this.#sender;
      const data = signedText({ sender, recipient: this.#recipient.code, id: `${this.#signed}`, message });
      this.#frames.push(signed(this.#sender, data));
      this.#signed += 1;
    }
  }

  /** False if all that was signed is sent. */
  send(dueAtMs: number): boolean {
    const next = this.#frames.shift();
    if (next === undefined) return false;
    this.#dueAtMs[this.#signed - this.#frames.length - 1] = dueAtMs;
    this.#from.send(next);
    return true;
  }

  #arrived(data: Buffer, ackTo: WebSocket | null): void {
    const start = data.indexOf(ID) + ID.length;
    const number = Number(data.toString('latin1', start, data.indexOf('"', start)));
    const dueAtMs = this.#dueAtMs[number];
    if (dueAtMs === undefined) return;
    this.onReceived(performance.now() - dueAtMs);
    if (ackTo !== null && number % 32 === 31) {
      const seq = data.lastIndexOf(SEQ) + SEQ.length;
      ackTo.send(`{"ack":"${data.toString('latin1', seq, data.length - 2)}"}`);
    }
  }
}

async function register(ws: string): Promise<Peer> {
  const ecdh = generateKeyPairSync('x25519');
  const eddsa = generateKeyPairSync('ed25519');
  const response = await fetch(ws.replace(/^ws(.*)\/ws$/, 'http$1/users'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ecdh_public_key: rawHex(ecdh.publicKey),
      eddsa_public_key: rawHex(eddsa.publicKey),
    }),
  });
  const user = (await response.json()) as { code?: string; detail?: string };
  if (user.code === undefined) throw new Error(`registering: ${response.status} ${user.detail}`);
  return { code: user.code, privateKey: eddsa.privateKey };
}

/** The 32 bytes at the end of a SubjectPublicKeyInfo. */
function rawHex(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
}

function signed(peer: Peer, data: string): string {
  return frame(data, sign(null, Buffer.from(data), peer.privateKey).toString('hex'));
}

function login(url: string, peer: Peer, protocol: 1 | 2): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, protocol === 2 ? ['relay.v2'] : [], { perMessageDeflate: false });
    ws.once('error', reject);
    ws.once('close', (code) => reject(new Error(`closed ${code} before connect_ack`)));
    if (protocol === 1) ws.once('open', () => ws.send(signed(peer, connectText(peer.code, null))));
    ws.on('message', function first(data: Buffer) {
      const { type, payload } = JSON.parse(data.toString()).data.message;
      if (type === 'challenge') ws.send(signed(peer, connectText(peer.code, payload)));
      else if (type !== 'connect_ack') reject(new Error(data.toString()));
      else {
        ws.off('message', first);
        ws.removeAllListeners('close');
        resolve(ws);
      }
    });
  });
}
