import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import WebSocket from 'ws';
import { deriveKeys, type Identity, type Party, type SessionKeys, sharedSecret } from '../../crypto/kdf.ts';
import { cutData } from '../../protocol/frames/delivered.ts';
import { connectText, type EnvelopeData, frame, signedText } from '../../protocol/frames/relay-frames.ts';
import { proofText, type UserJson } from '../../protocol/registration.ts';

const WAIT_MS = 10_000;

/** An envelope that has arrived, its signature verified. */
export interface Arrived {
  readonly frame: string;
  readonly data: EnvelopeData;
}

/**
 * One person of the demo: two key pairs and, at times, a socket. Protocol 1 as docs/protocol.md tells it, with the
 * `ws` package and node:crypto; your own client would look like this.
 */
export class DemoPeer {
  readonly name: string;
  readonly #ecdh = generateKeyPairSync('x25519');
  readonly #eddsa = generateKeyPairSync('ed25519');
  #user: UserJson | null = null;
  #socket: WebSocket | null = null;
  readonly #frames: string[] = [];
  #wake: () => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  get user(): UserJson {
    if (this.#user === null) throw new Error(`${this.name} is not registered`);
    return this.#user;
  }

  get code(): string {
    return this.user.code;
  }

  get ecdhPublicKey(): string {
    return rawHex(this.#ecdh.publicKey);
  }

  /** `POST /users`, with a proof that this client holds the Ed25519 key. Resolves with what the relay answered. */
  async register(url: string): Promise<string> {
    const eddsaPublicKey = rawHex(this.#eddsa.publicKey);
    const response = await fetch(`${url}/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ecdh_public_key: this.ecdhPublicKey,
        eddsa_public_key: eddsaPublicKey,
        proof: this.#sign(proofText(this.ecdhPublicKey, eddsaPublicKey)),
      }),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`POST ${url}/users answered ${response.status}: ${text}`);
    this.#user = JSON.parse(text) as UserJson;
    return `${response.status} ${text}`;
  }

  /** `GET /users/:code`: what the relay says of the user with this code. */
  async lookUp(url: string, code: string): Promise<UserJson> {
    const response = await fetch(`${url}/users/${code}`, { signal: AbortSignal.timeout(WAIT_MS) });
    if (!response.ok) throw new Error(`GET ${url}/users/${code} answered ${response.status}`);
    return (await response.json()) as UserJson;
  }

  /** Opens a socket and logs in. Resolves with the id of the node that holds it, and both frames. */
  async connect(
    url: string,
  ): Promise<{ readonly node: string; readonly sent: string; readonly answer: string }> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, { perMessageDeflate: false });
    this.#socket = socket;
    this.#frames.length = 0;
    let node = '';
    socket.on('upgrade', (response) => {
      node = String(response.headers['relay-node'] ?? 'unknown');
    });
    socket.on('message', (data) => {
      this.#frames.push(String(data));
      this.#wake();
    });
    socket.on('close', () => this.#wake());
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const sent = this.#send(connectText(this.code, null));
    return { node, sent, answer: await this.#next(`"type":"connect_ack"`) };
  }

  async disconnect(): Promise<void> {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    if (socket.readyState === WebSocket.CLOSED) return;
    await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.close();
    });
  }

  /** Sends an envelope and waits until the relay says that it is stored. Resolves with the frame. */
  async send(envelope: Omit<EnvelopeData, 'sender' | 'id'>): Promise<string> {
    const id = crypto.randomUUID();
    const sent = this.#send(signedText({ sender: this.code, id, ...envelope }));
    await this.#next(`"payload":{"id":"${id}"}`);
    return sent;
  }

  /** The next envelope from `sender`: verified over its exact bytes, addressed to us, and only then parsed. */
  async receive(sender: UserJson): Promise<Arrived> {
    const text = await this.#next(`"sender":"${sender.code}"`);
    const delivered = cutData(Buffer.from(text));
    const key = ed25519Key(sender.eddsa_public_key);
    if (delivered === null || !verify(null, delivered.data, key, Buffer.from(delivered.signature, 'hex'))) {
      throw new Error(`${this.name} got a frame that ${sender.code} has not signed: ${text}`);
    }
    const data = JSON.parse(Buffer.from(delivered.data).toString()) as EnvelopeData;
    if (data.recipient !== this.code) throw new Error(`${this.name} got a frame for ${data.recipient}`);
    return { frame: text, data };
  }

  /** SYM_KEY, from this peer's private key and the exchange key that the other has sent. */
  symKeys(exchange: { readonly initiator: Party; readonly responder: Party }): SessionKeys {
    const { initiator, responder } = exchange;
    const other = initiator.code === this.code ? responder : initiator;
    const secret = sharedSecret(rawPrivate(this.#ecdh.privateKey), other.ecdhPublicKey);
    return deriveKeys({ secret, initiator, responder });
  }

  #send(data: string): string {
    const text = frame(data, this.#sign(data));
    if (this.#socket === null) throw new Error(`${this.name} is not connected`);
    this.#socket.send(text);
    return text;
  }

  #sign(text: string): string {
    return sign(null, Buffer.from(text), this.#eddsa.privateKey).toString('hex');
  }

  /** Takes the oldest frame that has `part` in it, waiting for it if need be. An `error` frame ends the demo. */
  async #next(part: string): Promise<string> {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const error = this.#frames.find((text) => text.includes('"type":"error"'));
      if (error !== undefined) throw new Error(`the relay tells ${this.name}: ${error}`);
      const index = this.#frames.findIndex((text) => text.includes(part));
      if (index !== -1) return this.#frames.splice(index, 1)[0] ?? '';
      if (this.#socket?.readyState !== WebSocket.OPEN)
        throw new Error(`${this.name}'s connection was closed`);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`${this.name} waited ${WAIT_MS} ms for ${part}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** The keys of a user, by the relay's word. */
export function identity(user: UserJson): Identity {
  return { code: user.code, eddsaPublicKey: Buffer.from(user.eddsa_public_key, 'hex') };
}

/** A side of a key exchange, with the key (hex) of this exchange. */
export function party(user: UserJson, ecdhPublicKey: unknown): Party {
  return { ...identity(user), ecdhPublicKey: Buffer.from(String(ecdhPublicKey), 'hex') };
}

/** DER of keys of these curves ends with their 32 raw bytes (RFC 8410). */
function rawHex(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
}

function rawPrivate(privateKey: KeyObject): Uint8Array {
  return privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
}

const ED25519_SPKI = '302a300506032b6570032100';

function ed25519Key(hex: string): KeyObject {
  return createPublicKey({ key: Buffer.from(ED25519_SPKI + hex, 'hex'), format: 'der', type: 'spki' });
}
